//! No secret shows, whatever is asked for, however much is logged, and whatever goes wrong on the way: each is searched for
//! in all that the program writes as it stands, percent-encoded, in hexadecimal and in base64.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed;

use support::{LIMIT, Place, Ran, until};

/// By what it is for. Each has characters that URLs, forms and base64 write in their own ways.
const CANARIES: [(&str, &str); 12] = [
    ("database", "canary/database+1=Sw0rdfish"),
    ("gateway", "canary/gateway+2=Sw0rdfish"),
    ("owner", "canary/owner+3=Sw0rdfish"),
    ("smtp", "canary/smtp+4=Sw0rdfish"),
    ("auth", "sb_secret_canary/auth+5=Sw0rdfish"),
    ("unsubscribe", "canary/unsubscribe+6=Sw0rdfish-of-some-length"),
    ("bounce", "canary/bounce+7=Sw0rdfish-x"),
    ("calendar", "canary/calendar+8=Sw0rdfish"),
    ("operator", "canary/operator+9=Sw0rdfish"),
    ("address", "canary-address-0-Sw0rdfish"),
    ("token", "canary/token+a=Sw0rdfish"),
    ("neighbour", "canary/neighbour+b=Sw0rdfish"),
];
const BASE64: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];

fn canary(what: &str) -> &'static str {
    CANARIES.iter().find(|(name, _)| *name == what).unwrap().1
}

/// What base64 of any text has where the secret stands in it, `before` bytes behind a multiple of three.
fn base64(secret: &str, before: usize, alphabet: &[u8; 64]) -> String {
    let bits: Vec<u8> = vec![0; before].into_iter().chain(secret.bytes()).collect();
    let bit = |at: usize| u32::from(bits[at / 8] >> (7 - at % 8) & 1);
    let (first, end) = ((before * 8).div_ceil(6), bits.len() * 8 / 6);
    let digit = |place: usize| (0..6).fold(0, |digit, at| digit << 1 | bit(place * 6 + at));
    (first..end).map(|place| char::from(alphabet[digit(place) as usize])).collect()
}

fn percent(secret: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    secret.bytes().map(encoded).collect()
}

fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 =
        BASE64.iter().flat_map(|alphabet| (0..3).map(move |before| base64(secret, before, alphabet)));
    let (plain, percent) = (secret.to_owned(), percent(secret));
    [plain, percent.clone(), percent.to_lowercase(), hex.to_uppercase(), hex]
        .into_iter()
        .chain(base64)
        .collect()
}

#[test]
fn every_form_of_a_secret_is_looked_for() {
    let told = forms("a/b");
    for form in ["a/b", "a%2Fb", "612f62", "612F62", "YS9i", "EvY", "hL2"] {
        assert!(told.contains(&form.to_owned()), "{form} is not among {told:?}");
    }
}

#[track_caller]
fn shows_nothing(what: &str, text: &str) {
    for (name, secret) in CANARIES {
        for form in forms(secret) {
            if let Some(at) = text.find(&form) {
                let line = text[..at].rsplit('\n').next().unwrap_or_default();
                panic!("{what}: the {name} secret shows as {form:?} behind {line:?}");
            }
        }
    }
}

/// A mail server that asks for a password, refuses it, and repeats what it was told.
fn refusing_mail() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || refuse(&stream));
        }
    });
    at
}

fn refuse(stream: &TcpStream) {
    let answer = |text: &str| {
        let mut stream = stream;
        stream.write_all(format!("{text}\r\n").as_bytes())
    };
    let _ = answer("220 mail.example ESMTP");
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let _ = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => answer("250-mail.example\r\n250 AUTH PLAIN"),
            "AUTH" => answer(&format!("535 5.7.8 not by {line}")),
            _ => answer("250 ok"),
        };
    }
}

/// What every secret is needed for, in a tenant's file and the process's.
fn planted(place: &Place, postgres: &Postgres, mail: SocketAddr) {
    let secret = |name: &str, text: &str| place.write(&format!("tenants/{name}"), text.as_bytes());
    let url = |what: &str, role: &str| {
        let url =
            postgres.url_as(role, &bellwether_runtime::secret::Secret::new(percent(canary(what))), "secrets");
        secret(&format!("{what}.url"), url.reveal());
    };
    url("database", "bellwether_fxlabs");
    url("gateway", "bellwether_fxlabs_gateway");
    for what in ["smtp", "auth", "unsubscribe", "operator"] {
        secret(what, canary(what));
    }
    secret("bounce", &format!("whsec_{}", base64(canary("bounce"), 0, BASE64[0])));
    secret("headers", &format!("Authorization: Bearer {}\n", canary("calendar")));
    let section = |name: &str, keys: &str| {
        place.edit("tenants/fxlabs.toml", &format!("\n[{name}]\n"), &format!("\n[{name}]\n{keys}"));
    };
    section("database", "url_file = \"database.url\"\ngateway_url_file = \"gateway.url\"\n");
    section(
        "mail",
        "password_file = \"smtp\"\nunsubscribe_key_file = \"unsubscribe\"\nbounce_secret_file = \"bounce\"\ntest_addresses = [\"me@fxlabs.example\"]\n",
    );
    place.edit("tenants/fxlabs.toml", "smtp://127.0.0.1:1025", &format!("smtp://user@{mail}"));
    let more = format!(
        "\n[auth]\nurl = \"http://127.0.0.1:9/auth/v1\"\nkey_file = \"auth\"\n[[calendar]]\nname = \"feed\"\n\
         url = \"http://127.0.0.1:9/feed?key={}\"\nheaders_file = \"headers\"\n",
        canary("address")
    );
    place.write("tenants/fxlabs.toml", (place.read("tenants/fxlabs.toml") + &more).as_bytes());
    let config = format!(
        "[operator]\nsmtp = \"smtp://ops@{mail}?tls=none\"\npassword_file = \"tenants/operator\"\nfrom = \"ops@ops.example\"\n\
         to = \"oncall@ops.example\"\n[operator.ping]\n\"sink rows\" = \"http://127.0.0.1:9/{}\"\n",
        canary("address")
    );
    place.write("bellwether.toml", config.as_bytes());
}

/// A place where every secret is right but for the database's roles, which have other passwords.
struct World {
    place: Place,
    postgres: Postgres,
}

impl World {
    fn new(runtime: &tokio::runtime::Runtime) -> Self {
        let place = Place::new();
        std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
        let postgres =
            runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
        runtime.block_on(seed::database(&postgres, "secrets", &"fxlabs".parse().unwrap())).unwrap();
        planted(&place, &postgres, refusing_mail());
        Self { place, postgres }
    }

    fn command(&self, arguments: &[&str]) -> support::Bellwether {
        let owner = bellwether_runtime::secret::Secret::new(percent(canary("owner")));
        let owner = self.postgres.url_as("owner", &owner, "secrets");
        let command = self.place.bellwether(arguments).env("BELLWETHER_TELEMETRY_LEVEL", "trace");
        let command = command.env("FXLABS_ADMIN_DATABASE_URL", owner.reveal());
        command
            .env("FXLABS_DATABASE_PASSWORD", canary("database"))
            .env("FXLABS_API_TOKEN", canary("token"))
            .env("RUST_BACKTRACE", "1")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).start().wait(LIMIT)
    }

    /// A role until it says that, and what it answers who asks for its metrics.
    fn role(&self, arguments: &[&str], says: &str) {
        let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let running = self.command(arguments).env("BELLWETHER_TELEMETRY_METRICS", &metrics).start();
        let is_up = || running.stderr().contains(says) && TcpStream::connect(&metrics).is_ok();
        assert!(until(LIMIT, is_up), "{arguments:?}: {}", running.stderr());
        let told = asked(&metrics);
        assert!(told.contains("200 OK"), "{arguments:?}: {told}");
        shows_nothing(&format!("metrics of {arguments:?}"), &told);
        running.signal("TERM");
        let ran = running.wait(LIMIT);
        shows_nothing(&format!("{arguments:?}"), &ran.to_string());
    }
}

fn asked(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told
}

#[test]
fn no_command_and_no_role_shows_a_secret_at_any_level_of_its_log() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::new(&runtime);
    for arguments in [
        &["tenants", "check"][..],
        &["tenants", "list", "--json"],
        &["tenants", "verify", "fxlabs", "--json"],
        &["tenants", "init", "fxlabs"],
        &["migrate", "--tenant", "fxlabs", "--check"],
        &["doctor", "--json"],
        &["doctor", "mail", "--json"],
        &["doctor", "rls", "--tenant", "fxlabs", "--as", "00000000-0000-4000-8000-000000000001"],
        &["mail", "test", "--tenant", "fxlabs", "--to", "me@fxlabs.example"],
        &["mail", "list", "--tenant", "fxlabs"],
        &["users", "forget", "00000000-0000-4000-8000-000000000001", "--tenant", "fxlabs"],
        &["top", "--once", "--json"],
    ] {
        let ran = world.run(arguments);
        assert!(!ran.stderr.contains("Usage:"), "{ran}");
        shows_nothing(&format!("{arguments:?}"), &ran.to_string());
    }
    for (arguments, says) in [
        (&["sink", "rows"][..], "28P01"),
        (&["sink", "mail"], "cannot connect to the database of tenant fxlabs"),
        (&["sink", "schedule"], "cannot connect to the database of tenant fxlabs"),
        (&["produce", "alerts"], "cannot connect to the database of tenant fxlabs"),
        (&["produce", "calendar"], "a source of the news calendar cannot be read"),
        (&["gateway", "--listen", "127.0.0.1:0"], ""),
    ] {
        world.role(arguments, says);
    }
    runtime.block_on(world.postgres.remove()).unwrap();
}

/// As whoever writes logs beside ours might, each as its file has it.
fn indiscreet_log(place: &Place) -> String {
    let files =
        ["database.url", "gateway.url", "smtp", "auth", "unsubscribe", "operator", "bounce", "headers"];
    let told = files.map(|name| format!("started with {}\n", place.read(&format!("tenants/{name}")).trim()));
    let passwords = ["database", "owner", "address"].map(|what| format!("and {}\n", canary(what)));
    // The bounce secret stands in its file in base64 alone, and nobody writes what that is of.
    let every = CANARIES.iter().filter(|(what, _)| *what != "bounce").flat_map(|(_, secret)| forms(secret));
    let encoded: Vec<String> = every.map(|form| format!("and {form}\n")).collect();
    [&told[..], &passwords, &encoded].concat().concat() + "its last line\n"
}

#[test]
fn no_bundle_holds_a_secret_whatever_the_logs_hold_that_go_into_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::new(&runtime);
    drop(journal::Journal::begin(&world.place));
    let log = indiscreet_log(&world.place);
    assert!(log.contains(canary("smtp")), "the log is to be indiscreet");
    world.place.write("indiscreet.log", log.as_bytes());
    let ran = world.run(&["bundle", "1", "--tenant", "fxlabs", "--out", "-"]).ended(0);
    assert!(ran.stdout.starts_with("bellwether bundle 1\n"), "{ran}");
    shows_nothing("bundle", &ran.to_string());
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let running = world.command(&["sink", "rows"]).env("BELLWETHER_TELEMETRY_METRICS", &metrics).start();
    assert!(until(LIMIT, || TcpStream::connect(&metrics).is_ok()), "{}", running.stderr());
    // Nobody can load it, and it is not asked about.
    world.place.write("tenants/hextech.toml", b"zone = 1\n[mail]\npassword_file = \"hextech.smtp\"\n");
    world.place.write("tenants/hextech.smtp", canary("neighbour").as_bytes());
    let asked = [
        "debug",
        "bundle",
        "--tenant",
        "fxlabs",
        "--apart",
        "1s",
        "--logs",
        "indiscreet.log",
        "--metrics",
        &metrics,
        "--out",
        "-",
    ];
    let ran = world.run(&asked).ended(0);
    running.signal("KILL");
    for part in [
        "configuration.txt",
        "tenants/fxlabs.txt",
        "groups.json",
        "doctor.jsonl",
        "-1.txt",
        "-2.txt",
        "its last line",
        "[secret]",
    ] {
        assert!(ran.stdout.contains(part), "{part} is not in the archive: {}", ran.stderr);
    }
    shows_nothing("debug bundle", &ran.to_string());
    runtime.block_on(world.postgres.remove()).unwrap();
}

/// A file that is wrong in some way, and what of it must not be repeated.
#[test]
fn no_error_at_a_start_shows_what_is_wrong_with_a_secret() {
    let (database, smtp) = (canary("database"), canary("smtp"));
    for (from, to, file) in [
        (
            "[database]",
            "[database]\nurl_file = \"secret\"".to_owned(),
            Some(format!("fxlabs:{database}@somewhere")),
        ),
        (
            "[database]",
            "[database]\nurl_file = \"secret\"".to_owned(),
            Some(format!("postgres://x:{database}@h:no/d")),
        ),
        (
            "[database]",
            "[database]\nurl_file = \"secret\"".to_owned(),
            Some(format!("postgres://x:{}@h/d?sslmode=never", percent(database))),
        ),
        ("[database]", format!("[database]\nurl = \"postgres://x:{database}@h/d\""), None),
        ("[mail]", format!("[mail]\npassword = \"{smtp}\""), None),
        ("[mail]", format!("[mail]\npassword_file = \"{smtp}\n"), None),
        ("smtp://127.0.0.1:1025", format!("smtp://me:{}@127.0.0.1:1025", percent(smtp)), None),
        ("smtp://127.0.0.1:1025", format!("smtp://{smtp}@127.0.0.1:1025"), None),
        ("[mail]", "[mail]\nbounce_secret_file = \"secret\"".into(), Some(format!("whsec_{smtp}"))),
        ("zone = ", format!("{smtp} = 1\nzone = "), None),
    ] {
        let place = Place::new();
        place.edit("tenants/fxlabs.toml", from, &to);
        if let Some(text) = &file {
            place.write("tenants/secret", text.as_bytes());
        }
        for arguments in [
            &["tenants", "check", "--json"][..],
            &["tenants", "list"],
            &["doctor", "--json", "--tenant", "fxlabs"],
            &["sink", "rows", "--tenant", "fxlabs"],
            &["sink", "mail", "--drain"],
        ] {
            let ran = place.bellwether(arguments).env("RUST_BACKTRACE", "1").start().wait(LIMIT);
            shows_nothing(&format!("{arguments:?} with {to:?}"), &ran.to_string());
        }
    }
}

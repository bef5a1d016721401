//! What people do with tenants by hand: check, import, make anew, verify.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use bellwether_local::inbox::Inbox;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, User};
use bellwether_runtime::clock::Clock;
use bellwether_schemas::{TenantId, UserId};
use serde_json::Value;
use uuid::Uuid;

use support::{LIMIT, Place};

#[test]
fn check_says_all_that_is_wrong_with_all_files_with_line_and_key_and_list_shows_who_there_is() {
    let place = Place::new();
    let good = place.run(&["tenants", "check"]).ended(0).stdout;
    assert!(good.contains("fxlabs: ") && good.contains("hextech: "), "{good}");
    let listed = place.run(&["tenants", "list", "--json"]).ended(0).json();
    let of = |key: &str| listed.iter().map(|line| line[key].clone()).collect::<Vec<Value>>();
    assert_eq!(
        (of("tenant"), of("zone")),
        (vec!["fxlabs".into(), "hextech".into()], vec!["Asia/Kolkata".into(), "Asia/Dubai".into()])
    );
    assert!(place.run(&["tenants", "list"]).ended(0).stdout.lines().count() == 3);

    let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let (fxlabs, hextech) = (place.read("tenants/fxlabs.toml"), place.read("tenants/hextech.toml"));
    let hextech = hextech.replace(&line(&hextech, "from = "), &line(&fxlabs, "from = "));
    let hextech = hextech.replace(&line(&hextech, "bar = "), "bar = \"white\"");
    place.write("tenants/hextech.toml", hextech.replace("revision = 1", "revison = 1").as_bytes());
    place.edit("tenants/fxlabs.toml", "Asia/Kolkata", "Asia/Kolkatta");
    let told = place.run(&["tenants", "check"]).ended(78).stdout;
    for part in [
        "tenants/fxlabs.toml:",
        ": zone: \"Asia/Kolkatta\"",
        "tenants/hextech.toml:",
        ": unknown field `revison`",
        "missing field `revision`",
        ": brand.bar: ",
        ": mail.from: is that of tenant fxlabs too",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let lines = place.run(&["tenants", "check", "--json"]).ended(78).json();
    assert!(lines.iter().any(|fault| fault["key"] == "mail.from" && fault["line"].is_u64()), "{lines:?}");
    // A role for the one whose file is good would not look at the other; here both are bad.
    place.edit("tenants/fxlabs.toml", "Asia/Kolkatta", "Asia/Kolkata");
    place.run(&["process", "--tenant", "fxlabs", "--drain"]).ended(0);
    place.run(&["process", "--drain"]).ended(78);
    // What needs all files does what it can, says who is left out, and is no success.
    let listed = place.run(&["tenants", "list", "--json"]).ended(78);
    let listed_ids: Vec<Value> = listed.json().iter().map(|line| line["tenant"].clone()).collect();
    assert_eq!(listed_ids, ["fxlabs"], "{listed}");
    for arguments in [&["schedule"][..], &["topics", "plan"]] {
        let ran = place.run(arguments).ended(78);
        assert!(ran.stdout.contains("fxlabs") && ran.stderr.contains("tenants/hextech.toml: "), "{ran}");
    }
    place.run(&["schedule", "--tenant", "fxlabs"]).ended(0);
    place.edit("tenants/fxlabs.toml", "Asia/Kolkata", "Asia/Kolkatta");
    let none = place.run(&["tenants", "list"]).ended(78);
    assert!(none.stdout.is_empty() && none.stderr.contains("fxlabs.toml"), "{none}");
    assert!(none.stderr.contains("hextech.toml"), "{none}");
}

const ANCESTORS: &str = "# of the old installation\n\
    ACME_SUPABASE_URL=https://acme.supabase.co\n\
    export ACME_SUPABASE_SERVICE_KEY='sb_secret_swordfish'\n\
    ACME_SENDGRID_API_KEY=\"SG.swordfish\"\n\
    ACME_FROM_EMAIL=alerts@acme.example\n\
    ACME_FROM_NAME=\"Acme, Ltd\"\n\
    ACME_DAILY_TZ_NAME=Europe/Berlin\n\
    ACME_DAILY_SEND_LOCAL_TIME=9:00\n\
    ACME_API_TOKEN=swordfish\n\
    ACME_ALLOWED_ORIGINS=https://app.acme.example\n\
    ACME_DATABASE_URL=postgres://x:swordfish@db.acme.example/postgres\n\
    ACME_COLOUR=swordfish\n\
    FROM_EMAIL=swordfish@other.example\n\
    no variable at all, swordfish\n";

#[test]
fn an_earlier_installation_is_imported_without_showing_a_secret_or_overwriting_anything() {
    let place = Place::new();
    place.write(".env.acme", ANCESTORS.as_bytes());
    let import = ["tenants", "import", ".env.acme", "--as", "acme"];
    let ran = place.run(&import).ended(0);
    assert!(!format!("{ran}").contains("swordfish"), "{ran}");
    for part in [
        "ACME_COLOUR is not understood",
        "FROM_EMAIL does not begin with ACME_, and is not read",
        "line 14 is no variable",
        "wrote tenants/acme.toml",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is not in {ran}");
    }
    let file = place.read("tenants/acme.toml");
    assert!(!file.contains("swordfish") && file.contains("\"Europe/Berlin\""), "{file}");
    let secrets = ["database-url", "sendgrid-api-key", "supabase-service-key"];
    for name in secrets {
        let path = place.path(&format!("tenants/secrets/acme-{name}"));
        assert!(std::fs::read_to_string(&path).unwrap().contains("swordfish"), "{name}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    place.run(&["tenants", "check"]).ended(0);
    let tenant = &place.run(&["tenants", "list", "--json"]).ended(0).json()[0];
    assert_eq!((&tenant["tenant"], &tenant["daily_brief"]), (&"acme".into(), &"09:00".into()));
    assert_eq!((&tenant["name"], &tenant["tokens"]), (&"Acme, Ltd".into(), &1.into()));

    let again = place.run(&import).ended(78);
    assert!(again.error().contains("is there already, and nothing is overwritten"), "{again}");
    assert_eq!(place.read("tenants/acme.toml"), file);
    let anon =
        ANCESTORS.replace("sb_secret_", "sb_publishable_").replace("ACME_", "BETA_").replace("acme", "beta");
    place.write(".env.beta", anon.as_bytes());
    let refused = place.run(&["tenants", "import", ".env.beta", "--as", "beta"]).ended(78);
    assert!(
        refused.error().contains("is a publishable key") && !format!("{refused}").contains("swordfish"),
        "{refused}"
    );
    assert!(!place.path("tenants/beta.toml").exists());
    let left = std::fs::read_dir(place.path("tenants/secrets")).unwrap().count();
    assert_eq!(left, secrets.len(), "nothing of a refused import stays");
}

/// A database as Supabase gives one, with nothing of ours in it, and an inbox in place of a mail server.
struct World {
    place: Place,
    postgres: Postgres,
    inbox: Inbox,
}

impl World {
    async fn new() -> Self {
        let place = Place::new();
        let postgres = Postgres::start(&place.path("postgres"), Options::default()).await.unwrap();
        for database in ["acme", "beta"] {
            seed::create(&postgres, database).await.unwrap();
            seed::bootstrap(&postgres.url(database)).await.unwrap();
        }
        let inbox = Inbox::start(([127, 0, 0, 1], 0).into(), None, Clock::system()).await.unwrap();
        Self { place, postgres, inbox }
    }

    fn run(&self, arguments: &[&str]) -> support::Ran {
        let command = self.place.bellwether(arguments);
        let command = command.env("ACME_ADMIN_DATABASE_URL", self.postgres.url("acme").reveal());
        command.env("BETA_ADMIN_DATABASE_URL", self.postgres.url("beta").reveal()).start().wait(LIMIT)
    }
}

#[test]
fn a_new_tenant_is_led_from_nothing_to_a_first_mail_and_verified_and_each_step_can_be_repeated() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let smtp = format!("smtp://127.0.0.1:{}?tls=none", world.inbox.addr.port());
    let missing = world.run(&["tenants", "new", "acme", "--zone", "Europe/Berlin"]).ended(64);
    assert!(missing.error().contains("the brand's name is missing"), "{missing}");
    refused(&world);
    let new = [
        "tenants",
        "new",
        "acme",
        "--name",
        "Acme",
        "--zone",
        "Europe/Berlin",
        "--from",
        "alerts@acme.example",
        "--daily-brief",
        "09:00",
        "--smtp",
        &smtp,
        "--test-to",
        "me@acme.example",
    ];
    let first = world.run(&new).ended(0);
    let steps = [
        "the tables",
        "a role that logs in",
        "URL in tenants/secrets",
        "its topics",
        "its file",
        "its settings",
        "its brand",
        "a first mail to me@acme.example",
    ];
    let mut from = 0;
    for step in steps {
        from +=
            first.stderr[from..].find(step).unwrap_or_else(|| panic!("{step:?} does not follow in {first}"));
    }
    assert_eq!(world.inbox.store.taken(), 1);
    let secret = world.place.read("tenants/secrets/acme-database-url");
    let password = secret.trim().split([':', '@']).nth(2).unwrap();
    assert!(!format!("{first}").contains(password), "no secret is shown: {first}");
    let file = world.place.read("tenants/acme.toml");
    let again = world.run(&new).ended(0);
    assert!(again.stderr.contains("is there, and stays as it is"), "{again}");
    assert_eq!(
        (world.place.read("tenants/acme.toml"), world.place.read("tenants/secrets/acme-database-url")),
        (file, secret)
    );

    verified(&world, &runtime);
    runtime.block_on(async {
        world.inbox.stop().await;
        world.postgres.stop().await.unwrap();
    });
}

/// What could not be a tenant's file is told before anything is begun, and one that has what another tenant has is not left
/// behind: who starts next would serve neither.
fn refused(world: &World) {
    let new = |zone: &str, from: &str| {
        world.run(&["tenants", "new", "beta", "--name", "Beta", "--zone", zone, "--from", from]).ended(78)
    };
    let wrong = new("Europe/Berlni", "alerts@beta.example");
    assert!(wrong.error().starts_with("nothing is begun: tenants/beta.toml:"), "{wrong}");
    assert!(
        wrong.error().contains("Europe/Berlni") && !world.place.path("tenants/secrets").exists(),
        "{wrong}"
    );
    let taken = new("Europe/Berlin", "alerts@fxlabs.example");
    assert!(taken.error().contains("mail.from: is that of tenant fxlabs too"), "{taken}");
    assert!(!world.place.path("tenants/beta.toml").exists(), "{taken}");
}

/// Before it has a user, with one, and with another brand's name in its mails.
fn verified(world: &World, runtime: &tokio::runtime::Runtime) {
    let nobody = world.run(&["tenants", "verify", "acme", "--json"]).ended(0).json();
    assert!(nobody.iter().any(|line| line["about"] == "triggers" && line["level"] == "unseen"), "{nobody:?}");
    let user = User { id: UserId(Uuid::from_u128(7)), email: "me@users.example".into(), confirmed: true };
    runtime.block_on(seed::add_users(&world.postgres.url("acme"), &[user])).unwrap();
    let found = world.run(&["tenants", "verify", "acme", "--json"]).ended(0).json();
    assert!(found.iter().all(|line| line["level"] == "ok"), "{found:?}");
    let of = |about: &str| {
        found.iter().find(|line| line["about"] == about).unwrap_or_else(|| panic!("{about}: {found:?}"))
    };
    assert!(of("brief")["found"].as_str().unwrap().contains("09:00 UTC+"), "{}", of("brief"));
    for about in [
        "rsi_tracker",
        "daily_brief",
        "test",
        "rsi_tracker_alert_triggers",
        "price_alert_triggers",
        "recipients",
        "tokens",
        "origins",
    ] {
        of(about);
    }
    let rows = runtime.block_on(rows(world, &"acme".parse().unwrap()));
    assert_eq!(rows, 0, "a test trigger leaves nothing");

    // A link and a name that are another's are found.
    world.place.edit(
        "tenants/acme.toml",
        "name = \"Acme\"",
        "name = \"Acme\"\ndisclaimer = \"A brand of HexTech\"",
    );
    let foreign = world.run(&["tenants", "verify", "acme"]).ended(1).stdout;
    assert!(foreign.contains("fault") && foreign.contains("of hextech stands in it"), "{foreign}");
}

async fn rows(world: &World, tenant: &TenantId) -> i64 {
    use sqlx::Connection as _;
    let mut admin = sqlx::PgConnection::connect(world.postgres.url(tenant.as_str()).reveal()).await.unwrap();
    let count = "select (select count(*) from public.rsi_tracker_alert_triggers) + (select count(*) from public.user_events)";
    sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap()
}

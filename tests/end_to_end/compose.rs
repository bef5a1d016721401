//! What can be held of `compose/` where no container runs: the program parses every command in it, and what it mounts
//! is there and in order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bellwether_runtime::roles::Role;
use support::{LIMIT, Place, until};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose")
}

fn compose() -> String {
    std::fs::read_to_string(directory().join("compose.yaml")).unwrap()
}

/// Each service's command. The file keeps one in one line, as JSON, so that this needs no YAML.
fn commands() -> BTreeMap<String, Vec<String>> {
    let (mut service, mut commands) = (String::new(), BTreeMap::new());
    for line in compose().lines() {
        if let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])) {
            service = name.split(':').next().unwrap().to_string();
        }
        if let Some(command) = line.trim().strip_prefix("command:") {
            commands.insert(service.clone(), serde_json::from_str(command).unwrap());
        }
    }
    commands
}

/// Names behind that mark, as long as they may be a secret's.
fn names_after(text: &str, mark: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    text.split(mark).skip(1).map(name).collect()
}

/// The tenants as they are mounted, with this machine's own secrets made by the script.
fn mounted() -> Place {
    let place = Place::new();
    place.write("compose/secrets", &std::fs::read(directory().join("secrets")).unwrap());
    let made = Command::new("bash").arg(place.path("compose/secrets")).status().unwrap();
    assert!(made.success());
    for tenant in ["fxlabs", "hextech"] {
        let file = format!("tenants/{tenant}.toml");
        place.write(&file, &std::fs::read(directory().join(&file)).unwrap());
        let logo = format!("brands/{tenant}.png");
        place.write(&logo, &std::fs::read(directory().join("../tenants").join(&logo)).unwrap());
    }
    place
}

/// What every container's environment says, as it would be here.
fn surroundings(place: &Place) -> Vec<(String, String)> {
    let secrets = format!("{}/", place.path("compose/secrets.d").display());
    let mut set = Vec::new();
    for line in compose().lines() {
        let Some((key, value)) = line.trim().split_once(": ") else { continue };
        let value = if key == "BELLWETHER_TENANTS" { "tenants" } else { value };
        if ["BELLWETHER_", "FXLABS_", "HEXTECH_"].iter().any(|start| key.starts_with(start)) {
            set.push((key.to_string(), value.replace("/run/secrets/", &secrets)));
        }
    }
    set
}

#[test]
fn the_program_parses_the_command_of_every_service() {
    let place = Place::new();
    let commands = commands();
    for (service, command) in &commands {
        let mut arguments = vec!["--config", "nowhere.toml"];
        arguments.extend(command.iter().map(String::as_str));
        let ran = place.run(&arguments);
        assert_eq!(ran.code, Some(78), "{service}: parsed, and stopped at its configuration: {ran}");
        assert!(ran.error().starts_with("nowhere.toml: "), "{service}: {ran}");
    }
    let all: BTreeSet<String> = commands.values().map(|command| command.join(" ")).collect();
    // Nothing there plays files: its market is the synthetic one.
    let roles = Role::ALL.iter().filter(|role| **role != Role::ProduceFile).map(|role| role.name());
    let once = ["topics apply", "migrate", "tenants init fxlabs", "tenants init hextech"];
    for command in roles.chain(once) {
        assert!(all.contains(command), "no service does {command:?}: {all:?}");
    }
}

#[test]
fn its_tenants_pass_the_check_with_its_settings_and_the_secrets_of_its_script() {
    let place = mounted();
    let bellwether = |arguments: &[&str]| {
        let settings = surroundings(&place).into_iter();
        settings.fold(place.bellwether(arguments), |command, (key, value)| command.env(&key, value))
    };
    let ran = bellwether(&["tenants", "check"]).start().wait(LIMIT).ended(0);
    assert_eq!(ran.stdout.lines().count(), 2, "{ran}");
    // Refused where the log is, and not before: databases and mail servers are in order.
    for sink in ["rows", "mail"] {
        let ran = bellwether(&["sink", sink]).env("BELLWETHER_LOG", "nowhere").start().wait(LIMIT);
        assert!(ran.ended(64).error().contains("\"nowhere\" is not a log"));
    }
}

/// The part of the file that is about a service.
fn service(name: &str) -> String {
    let compose = compose();
    let (_, rest) = compose.split_once(&format!("\n  {name}:\n")).unwrap();
    let lines = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_gateway_has_its_own_secrets_and_no_others() {
    let place = mounted();
    let named = names_after(&service("gateway"), "/run/secrets/");
    assert!(named.len() == 4 && named.iter().all(|name| name.contains("_gateway_") || name.contains("_key")));
    let settings = surroundings(&place).into_iter().filter(|(key, value)| {
        key.starts_with("BELLWETHER_TENANTS") || named.iter().any(|name| value.ends_with(&format!("/{name}")))
    });
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = place.bellwether(&["gateway", "--listen", "127.0.0.1:0"]);
    let gateway = gateway.env("BELLWETHER_TELEMETRY_METRICS", format!("127.0.0.1:{port}"));
    let gateway = settings.fold(gateway, |command, (key, value)| command.env(&key, value)).start();
    assert!(until(LIMIT, || gateway.stdout().starts_with("http://127.0.0.1:")), "{}", gateway.stderr());
    assert!(until(LIMIT, || is_healthy(port)), "ready once it answers itself: {}", gateway.stderr());
    gateway.stop(LIMIT).ended(0);
    assert!(!is_healthy(port), "nobody answers");
}

/// As the file asks a role that stays, at this port in place of the container's.
fn is_healthy(port: u16) -> bool {
    let compose = compose();
    let check = compose.lines().find(|line| line.contains("test:") && line.contains("/9464")).unwrap();
    let check: Vec<String> = serde_json::from_str(check.trim().strip_prefix("test: ").unwrap()).unwrap();
    let [_, program, arguments @ ..] = &check[..] else { panic!("{check:?}") };
    let here = |word: &String| word.replace("/9464", &format!("/{port}"));
    let asked = Command::new(program).args(arguments.iter().map(here)).stderr(Stdio::null()).status();
    asked.unwrap().success()
}

#[test]
fn every_container_has_its_limits_and_a_profile() {
    let compose = compose();
    let images = compose.split("\n    image: ").chain(compose.split("\n  image: "));
    let of_images: Vec<&str> =
        images.filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    assert!(of_images.len() >= 6, "{of_images:?}");
    for part in of_images {
        let own = part.split("\n\n").next().unwrap();
        assert!(own.contains("mem_limit: "), "{own}");
        // What watches shares the rest with the first of its kind.
        assert!(
            own.contains("profiles: ")
                || compose.contains(&format!("<<: *watcher\n    image: {}", own.lines().next().unwrap())),
            "{own}"
        );
    }
}

#[test]
fn every_secret_it_names_is_made_by_the_script_and_kept_when_it_runs_again() {
    let place = mounted();
    let read = |name: &str| place.read(&format!("compose/secrets.d/{name}"));
    let named = names_after(&compose(), "/run/secrets/");
    let declared = names_after(&compose(), "file: ./secrets.d/");
    assert_eq!(named, declared);
    let made: BTreeMap<&str, String> = declared.iter().map(|name| (name.as_str(), read(name))).collect();
    assert_ne!(made["fxlabs_database_password"], made["hextech_database_password"]);
    assert!(made["fxlabs_database_url"].contains(&made["fxlabs_database_password"]));
    assert!(Command::new("bash").arg(place.path("compose/secrets")).status().unwrap().success());
    assert!(made.iter().all(|(name, text)| read(name) == *text));
}

#[test]
fn it_publishes_on_loopback_only_and_mounts_what_is_there() {
    let compose = compose();
    let entries = compose.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let ports = entries.clone().filter(|entry| entry.contains("_PORT"));
    assert!(ports.clone().count() >= 4 && ports.clone().all(|port| port.starts_with("127.0.0.1:")));
    let sources = entries.filter_map(|entry| entry.trim_start_matches("&auth ").split_once(":/"));
    for (source, _) in sources.filter(|(source, _)| source.starts_with('.')) {
        assert!(directory().join(source).exists(), "{source} is mounted and not there");
    }
    assert!(!compose.contains("PASSWORD:"), "passwords come from files");
}

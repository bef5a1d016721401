//! What the engine may not reach, which way the workspace's crates depend, which metrics are counted. Read from cargo
//! itself, offline, and from the sources.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use bellwether_runtime::metric_names::ALL;
use serde_json::Value;

/// The layers of the workspace, lowest first. A crate may depend on crates of lower layers only.
const LAYERS: [&[&str]; 7] = [
    &["bellwether-schemas"],
    &["bellwether-engine", "bellwether-runtime"],
    &["bellwether-database"],
    &["bellwether-worker", "bellwether-preview", "bellwether-producers", "bellwether-sinks"],
    &["bellwether-backtest", "bellwether-roles", "bellwether-gateway"],
    &["bellwether-local"],
    &["bellwether", "bellwether-tests"],
];

/// What the engine's dependencies may not hold: a runtime, a broker, a database, mail, the host's zone. (`getrandom`
/// is there, under apache-avro, which writes random sync marks into container files: we write none.)
const NOT_IN_THE_ENGINE: [&str; 11] = [
    "tokio",
    "async-std",
    "rdkafka",
    "sqlx",
    "sqlx-core",
    "lettre",
    "axum",
    "hyper",
    "reqwest",
    "iana-time-zone",
    "bellwether-runtime",
];

/// What the engine's sources may not name: clocks, randomness, threads, IO, and maps in random order.
const NOT_NAMED_IN_THE_ENGINE: [&str; 14] = [
    "SystemTime",
    "Instant::now",
    "time::Instant",
    "Utc::now",
    "Local::now",
    "HashMap",
    "HashSet",
    "RandomState",
    "thread::",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "async ",
];

/// Crates that only some of ours may name: `sqlx` in `database` and in what is built on it.
const RESERVED: [(&str, &[&str]); 3] = [
    ("rdkafka", &["bellwether-runtime"]),
    (
        "sqlx",
        &[
            "bellwether-database",
            "bellwether-producers",
            "bellwether-sinks",
            "bellwether-local",
            "bellwether-tests",
        ],
    ),
    ("lettre", &["bellwether-sinks", "bellwether-local", "bellwether-tests"]),
];

/// How a metric is counted.
const COUNTING: [&str; 3] = ["counter!(", "gauge!(", "histogram!("];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every crate the engine's own build holds, with the features asked for there. Of the workspace as a whole, more
/// features are switched on by crates that the engine never sees: `-p` leaves those out.
fn engine_closure() -> BTreeMap<String, BTreeSet<String>> {
    let tree =
        cargo(&["tree", "-p", "bellwether-engine", "-e", "normal", "--prefix", "none", "-f", "{p}|{f}"]);
    tree.lines()
        .map(|line| {
            let (package, features) = line.trim_end_matches(" (*)").split_once('|').unwrap();
            let features = features.split(',').map(|feature| feature.trim().into()).collect();
            (package.split(' ').next().unwrap().into(), features)
        })
        .collect()
}

/// Each crate of ours with everything that goes into what is shipped: a test may look at a database itself.
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let counts = |dependency: &&Value| dependency["kind"].as_str() != Some("dev");
    let names = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        dependencies.iter().filter(counts).map(|dependency| text(&dependency["name"])).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), names(package))).collect()
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = directories.iter().flat_map(|directory| sources(directory));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).chain(below).collect()
}

#[test]
fn the_engine_reaches_no_runtime_broker_database_or_mail() {
    let closure = engine_closure();
    assert!(closure.contains_key("bellwether-schemas"), "not the engine's tree: {closure:?}");
    let reached: Vec<_> = NOT_IN_THE_ENGINE.iter().filter(|name| closure.contains_key(**name)).collect();
    assert!(reached.is_empty(), "the engine depends on {reached:?}");
}

#[test]
fn the_engines_calendar_has_no_clock() {
    let closure = engine_closure();
    let features = &closure["chrono"];
    assert!(features.contains("std"), "features are listed: {features:?}");
    assert!(!features.contains("now") && !features.contains("clock"), "{features:?}");
}

#[test]
fn the_engines_sources_name_no_clock_io_or_unordered_map() {
    let directory = root().join("processors/engine/src");
    let files = sources(&directory);
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let named = NOT_NAMED_IN_THE_ENGINE.iter().find(|name| line.contains(**name));
            assert_eq!(named, None, "{}:{}", file.strip_prefix(root()).unwrap().display(), number + 1);
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    for (name, dependencies) in workspace() {
        let own = layer(&name).unwrap_or_else(|| panic!("{name} has no layer: give it one in LAYERS"));
        for dependency in dependencies.iter().filter(|name| name.starts_with("bellwether")) {
            let below = layer(dependency).unwrap_or_else(|| panic!("{dependency} has no layer"));
            assert!(below < own, "{name} depends on {dependency}, which is not below it");
        }
    }
}

/// Crates by the names of their directories, as the documents call them.
fn layers_by_directory() -> Vec<Vec<&'static str>> {
    let directory = |name: &'static str| name.strip_prefix("bellwether-").unwrap_or("cli");
    LAYERS.iter().map(|layer| layer.iter().map(|name| directory(name)).collect()).collect()
}

#[test]
fn the_documents_draw_the_layers_as_they_are() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let architecture = read("docs/ARCHITECTURE.md");
    let (_, chapter) = architecture.split_once("## Crates").expect("a chapter on crates");
    let drawing = chapter.split("```").nth(1).unwrap().lines().filter(|line| !line.trim().is_empty());
    let mut drawn: Vec<Vec<&str>> = drawing.map(|line| line.split_whitespace().collect()).collect();
    drawn.reverse();
    assert_eq!(drawn, layers_by_directory(), "docs/ARCHITECTURE.md, highest layer first");
    let line = layers_by_directory().iter().map(|layer| layer.join(", ")).collect::<Vec<_>>().join(" ← ");
    assert!(read("CONTRIBUTING.md").contains(&line), "CONTRIBUTING.md does not say `{line}`");
}

#[test]
fn broker_database_and_mail_have_their_crates() {
    for (name, dependencies) in workspace() {
        for (reserved, holders) in RESERVED {
            let allowed = holders.contains(&name.as_str());
            assert!(
                allowed || !dependencies.contains(reserved),
                "{name} names {reserved}; only {holders:?} may"
            );
        }
    }
}

/// `CONSTANT: Kind = "name"` of every declared metric.
fn declared_metrics(list: &str) -> BTreeMap<String, String> {
    let pairs = list.split("\n        ").filter_map(|line| line.split_once(": "));
    let pairs = pairs.filter_map(|(constant, rest)| Some((constant, rest.split('"').nth(1)?)));
    pairs
        .filter(|(constant, name)| {
            constant.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                && name.starts_with("bellwether_")
        })
        .map(|(constant, name)| (name.into(), constant.into()))
        .collect()
}

/// The constants that macros which count have as their first argument, wherever shipped code calls one, each with the
/// labels it is counted with. Text there is refused: a name that is written twice is spelled in two ways one day. Any other
/// mention of a name counts nothing.
fn counted_metrics(path: &Path, declared: &BTreeMap<String, String>) -> BTreeSet<(String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let calls = COUNTING.iter().flat_map(|call| shipped.match_indices(call));
    let calls = calls.filter(|(at, _)| !shipped[..*at].ends_with("describe_"));
    // The list itself begins what is counted of a tenant with 0.
    let calls = calls.filter(|(at, call)| !shipped[at + call.len()..].starts_with("metric.name"));
    calls
        .map(|(at, call)| {
            let call = inside(&shipped[at + call.len()..]);
            let argument = call.split(',').next().unwrap();
            (metric_name(path, argument.trim(), declared), labels(call))
        })
        .collect()
}

/// What stands up to the bracket that ends a call.
fn inside(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    });
    &rest[..end.unwrap()]
}

/// Names written as `"name" =>`.
fn labels(call: &str) -> BTreeSet<String> {
    let mut parts: Vec<&str> = call.split("\" =>").collect();
    parts.pop();
    parts.into_iter().filter_map(|before| before.rsplit('"').next()).map(ToString::to_string).collect()
}

fn metric_name(path: &Path, argument: &str, declared: &BTreeMap<String, String>) -> String {
    let constant = argument.rsplit("::").next().unwrap();
    let found = declared.iter().find(|(_, known)| *known == constant).map(|(name, _)| name.clone());
    assert!(found.is_some(), "{}: {argument} is no constant of metric_names", path.display());
    found.unwrap()
}

#[test]
fn every_declared_metric_is_counted_by_its_constant_and_no_other_is() {
    let list = std::fs::read_to_string(root().join("runtime/src/metric_names.rs")).unwrap();
    let declared = declared_metrics(&list);
    assert!(declared.len() > 20, "{declared:?}");
    let crates = ["database", "producers", "processors", "sinks", "runtime", "roles", "gateway", "cli"];
    let files = crates.iter().flat_map(|name| sources(&root().join(name)));
    let shipped = files.filter(|path| path.components().any(|part| part.as_os_str() == "src"));
    let counted: BTreeSet<_> = shipped.flat_map(|path| counted_metrics(&path, &declared)).collect();
    for name in declared.keys() {
        assert!(counted.iter().any(|(counted, _)| counted == name), "{name} is declared and never counted");
    }
    for (name, labels) in &counted {
        let metric = ALL.iter().find(|metric| metric.name == *name).unwrap();
        let known: BTreeSet<String> = metric.labels.iter().map(ToString::to_string).collect();
        assert_eq!(*labels, known, "{name} is counted with these labels, and declared with those");
    }
}

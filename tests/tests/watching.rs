//! What watches over a pipeline is held to what the pipeline says: every metric and label that a rule or a panel asks for is
//! declared, and whoever is woken finds a heading in the runbook. Whether the queries return anything, `make dashboards`
//! tries on a real Prometheus.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bellwether_runtime::incident::IncidentKind;
use bellwether_runtime::metric_names::{ALL, Metric};
use bellwether_runtime::roles::Role;
use serde_json::Value;

/// Labels that Prometheus gives, not we.
const ITS_OWN: [&str; 8] =
    ["instance", "job", "le", "alertname", "alertstate", "severity", "__name__", "tenant"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn files(directory: &str, end: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(directory)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    assert!(!names.is_empty(), "{directory} has none");
    names.into_iter().map(|name| format!("{directory}/{name}")).collect()
}

/// Each query of the rules: what stands behind `expr:` up to the next key.
fn rules() -> Vec<String> {
    let mut queries = Vec::new();
    for file in files("compose/prometheus/rules", ".yml") {
        let text = read(&file);
        for rest in text.split(" expr: ").skip(1) {
            let key = |line: &&str| {
                ["for:", "labels:", "annotations:", "- ", "#"].iter().any(|key| line.starts_with(key))
            };
            let lines = rest.lines().map(str::trim).take_while(|line| !key(line));
            queries.push(lines.filter(|line| *line != "|").collect::<Vec<_>>().join(" "));
        }
    }
    assert!(queries.len() > 40, "{queries:?}");
    queries
}

fn boards() -> Vec<Value> {
    let files = files("compose/grafana/dashboards", ".json");
    files.iter().map(|file| serde_json::from_str(&read(file)).unwrap()).collect()
}

fn panels() -> Vec<Value> {
    boards().iter().flat_map(|board| board["panels"].as_array().unwrap().clone()).collect()
}

/// Each query of the panels, with Grafana's variables as they may be.
fn panel_queries() -> Vec<String> {
    let targets = panels().into_iter().flat_map(|panel| panel["targets"].as_array().unwrap().clone());
    let queries = targets.map(|target| target["expr"].as_str().unwrap().replace("$__rate_interval", "1m"));
    queries.collect()
}

fn queries() -> Vec<String> {
    rules().into_iter().chain(panel_queries()).collect()
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Every name in the query, each with what follows it.
fn names(query: &str) -> Vec<(&str, &str)> {
    let starts = query.match_indices("bellwether").map(|(at, _)| &query[at..]);
    starts.map(|rest| rest.split_at(rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len()))).collect()
}

/// The metric behind a series' name: a distribution has three.
fn metric(name: &str) -> Option<&'static Metric> {
    let is_distribution = |metric: &&Metric| !metric.kind.buckets().is_empty();
    let parts = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
    let whole = ALL.iter().find(|metric| metric.name == name && !is_distribution(metric));
    whole.or_else(|| ALL.iter().filter(is_distribution).find(|metric| Some(metric.name) == parts))
}

fn recorded() -> BTreeSet<String> {
    let lines = read("compose/prometheus/rules/recording.yml");
    let names = lines.lines().filter_map(|line| line.trim().strip_prefix("- record: "));
    names.map(ToString::to_string).collect()
}

#[test]
fn every_rule_and_panel_asks_for_metrics_that_are_declared() {
    let recorded = recorded();
    for query in queries() {
        for (name, _) in names(&query) {
            let known = if name.contains(':') { recorded.contains(name) } else { metric(name).is_some() };
            assert!(known, "{name} is neither declared nor recorded: {query}");
        }
    }
}

/// The labels that are named between these and the bracket that closes them.
fn listed<'a>(query: &'a str, open: &str, close: char) -> Vec<&'a str> {
    let insides = query.split(open).skip(1).filter_map(|rest| rest.split(close).next());
    let label = |part: &'a str| part.split(['=', '!']).next().unwrap().trim();
    insides.flat_map(|inside| inside.split(',')).map(label).filter(|label| !label.is_empty()).collect()
}

#[test]
fn every_rule_and_panel_asks_for_labels_that_its_metrics_have() {
    for query in queries() {
        for (name, rest) in names(&query) {
            let (Some(metric), Some(matchers)) = (metric(name), rest.strip_prefix('{')) else { continue };
            let matchers = format!("{{{}", matchers.split('}').next().unwrap());
            for label in listed(&matchers, "{", '}') {
                assert!(metric.labels.contains(&label) || label == "le", "{name} has no {label}: {query}");
            }
        }
        let of_metrics =
            names(&query).into_iter().filter_map(|(name, _)| metric(name)).flat_map(|metric| metric.labels);
        let recorded = names(&query).iter().any(|(name, _)| name.contains(':'));
        let known: BTreeSet<&str> = of_metrics.copied().chain(ITS_OWN).collect();
        for label in listed(&query, "by (", ')') {
            assert!(known.contains(label) || recorded, "nothing there has {label}: {query}");
        }
    }
}

/// As GitHub makes an anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn headings() -> Vec<String> {
    read("docs/RUNBOOK.md")
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(ToString::to_string)
        .collect()
}

/// Each alert with its rule.
fn alerts() -> Vec<(String, String)> {
    let text = read("compose/prometheus/rules/alerts.yml");
    let rules = text.split("- alert: ").skip(1);
    rules.map(|rule| (rule.lines().next().unwrap().to_string(), rule.to_string())).collect()
}

#[test]
fn every_alert_leads_to_a_heading_of_the_runbook_and_is_tried_by_a_test() {
    let anchors: BTreeSet<String> = headings().iter().map(|heading| anchor(heading)).collect();
    let tests: String = files("compose/prometheus/tests", ".yml").iter().map(|file| read(file)).collect();
    for (name, rule) in alerts() {
        let (_, link) =
            rule.split_once("runbook_url: ").unwrap_or_else(|| panic!("{name} says not what to do"));
        let (_, target) = link.lines().next().unwrap().split_once("docs/RUNBOOK.md#").unwrap();
        assert!(anchors.contains(target), "{name}: docs/RUNBOOK.md has no heading for #{target}");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "no test fires {name}");
        assert!(rule.contains("summary: ") && rule.contains("severity: "), "{name}");
    }
}

#[test]
fn every_alert_is_tried_by_its_fault_or_it_is_said_why_it_cannot_be() {
    let trials = read("scripts/dashboards.d/trials.py");
    let (excused, tried) = trials.split_once("\n}\n").unwrap();
    for (name, _) in alerts() {
        let is_tried = ['"', ' '].into_iter().any(|end| tried.contains(&format!("\"{name}{end}")));
        let is_excused = excused.contains(&format!("\"{name}\": \""));
        assert!(
            is_tried != is_excused,
            "{name} is to be fired in scripts/dashboards.d/trials.py, or to stand in NOT_HERE"
        );
    }
}

#[test]
fn every_kind_of_incident_wakes_somebody_or_waits_for_the_morning_and_the_runbook_knows_it() {
    let runbook = read("docs/RUNBOOK.md");
    for kind in IncidentKind::ALL {
        let kinds = |alert: &str| {
            let (_, rule) = alerts().into_iter().find(|(name, _)| name == alert).unwrap();
            let (_, kinds) = rule.split_once("kind=~\"").unwrap();
            kinds.split('"').next().unwrap().split('|').any(|named| named == kind.name())
        };
        assert!(kinds("Incident") != kinds("IncidentToLookAt"), "{kind} is to be in one of the two");
        let row = format!("| `{kind}` | ");
        let (_, heading) = runbook.split_once(&row).unwrap_or_else(|| panic!("the runbook lacks {kind}"));
        let heading = heading.lines().next().unwrap().trim_end_matches(" |");
        assert!(headings().iter().any(|known| known == heading), "{kind}: no heading {heading:?}");
    }
}

#[test]
fn every_role_that_stays_is_scraped_and_missed_when_nobody_does_it() {
    let config = read("compose/prometheus/prometheus.yml");
    let (_, missing) = alerts().into_iter().find(|(name, _)| name == "RoleMissing").unwrap();
    let compose = read("compose/compose.yaml");
    let stays = Role::ALL.iter().filter(|role| !matches!(role, Role::ProduceFile | Role::ProduceHistory));
    for role in stays {
        let words: Vec<String> = role.name().split(' ').map(|word| format!("{word:?}")).collect();
        let command = format!("    command: [{}]\n", words.join(", "));
        let (before, _) = compose.split_once(&command).unwrap_or_else(|| panic!("no service does {role}"));
        let service =
            before.rsplit("\n  ").find(|line| !line.starts_with(' ')).unwrap().split(':').next().unwrap();
        assert!(config.contains(&format!("job_name: {service}\n")), "{service} is not scraped");
        assert!(missing.contains(&format!("absent(up{{job=\"{service}\"}})")), "nobody misses {service}");
    }
}

#[test]
fn every_panel_says_what_to_do_and_every_board_has_one_id_of_its_own() {
    for panel in panels() {
        let todo = panel["description"].as_str().unwrap_or_default();
        assert!(todo.len() > 20, "{}: what is to be done when it looks bad?", panel["title"]);
    }
    let ids: BTreeSet<String> = boards().iter().map(|board| board["uid"].to_string()).collect();
    assert_eq!(ids.len(), boards().len());
}

use std::fmt::Write as _;
use std::path::Path;

use super::*;

#[test]
fn every_name_is_unique_and_says_its_kind_and_unit() {
    let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
    for metric in ALL {
        assert!(metric.name.starts_with("bellwether_"), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        assert!(metric.kind.buckets().is_empty() || metric.name.ends_with("_seconds"), "{}", metric.name);
    }
}

#[test]
fn no_metric_can_grow_with_users_or_alerts() {
    let bounded = [
        "tenant", "source", "kind", "table", "reason", "group", "topic", "sink", "outcome", "limit", "state",
        "symbol", "version",
    ];
    for metric in ALL {
        for label in metric.labels {
            assert!(bounded.contains(label), "{}: {label}", metric.name);
        }
    }
}

/// The document as it has to be.
fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\nEvery process shows its own at `/metrics` of `telemetry.metrics`. Made from \
         `runtime/src/metric_names.rs`: `make metrics` writes this file.\n\nA count of which a tenant is all that \
         its labels tell is shown as 0 from the moment a process serves the tenant. Other counts appear when there \
         is something to count.\n",
    );
    for stage in Stage::ALL {
        let _ = write!(text, "\n## `{}`\n\n| Metric | | Labels | |\n|---|---|---|---|\n", stage.name());
        for metric in ALL.iter().filter(|metric| metric.stage == *stage) {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, word, labels) = (metric.name, metric.kind.word(), labels.join(", "));
            let _ = writeln!(text, "| `{name}` | {word} | {labels} | {} |", metric.help);
        }
    }
    text.push_str("\n## Buckets\n\nUpper ends, in seconds.\n\n| Metrics | Buckets |\n|---|---|\n");
    for kind in [Kind::Histogram, Kind::Waits] {
        let of = ALL.iter().filter(|metric| metric.kind == kind);
        let names: Vec<String> = of.map(|metric| format!("`{}`", metric.name)).collect();
        let ends: Vec<String> = kind.buckets().iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "| {} | {} |", names.join(", "), ends.join(" "));
    }
    text
}

#[test]
fn the_document_lists_what_is_declared() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/METRICS.md");
    if std::env::var_os("BELLWETHER_WRITE_METRICS").is_some() {
        std::fs::write(&file, document()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == document(), "docs/METRICS.md is not what the list says: make metrics");
}

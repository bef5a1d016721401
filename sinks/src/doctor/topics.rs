//! The tenant's topics: there, and kept as their kinds declare.

use bellwether_runtime::finding::Finding;
use bellwether_runtime::log::{Log, Result};
use bellwether_schemas::{TenantId, Topic};

const ABOUT: &str = "topics";

/// Which are missing, or kept otherwise than declared; or that all are well.
pub(super) fn look(log: &dyn Log, tenant: &TenantId) -> Result<Vec<Finding>> {
    let (there, divided) = (log.topics()?, log.divided()?);
    let mut findings = Vec::new();
    for topic in Topic::all(tenant) {
        if !there.contains(&topic) {
            let advice = "run `bellwether topics apply`, or `bellwether tenants init`";
            findings.push(Finding::fault(topic.to_string(), "is missing: the tenant stands still", advice));
            continue;
        }
        if let Some(count) = divided.get(&topic) {
            let found = format!("has {count} partitions and must have one: the tenant stands still");
            let advice = "see *A topic has several partitions* in docs/RUNBOOK.md";
            findings.push(Finding::fault(topic.to_string(), found, advice));
            continue;
        }
        for drift in log.drift(&topic)? {
            let found = format!("{} is {}, and to be {}", drift.key, drift.found, drift.wanted);
            findings.push(Finding::warn(topic.to_string(), found, "run `bellwether topics apply`"));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(ABOUT, format!("all {} are there", Topic::all(tenant).len())));
    }
    Ok(findings)
}

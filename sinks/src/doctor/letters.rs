//! Dead letters of the last day, by reason.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_runtime::finding::Finding;
use bellwether_runtime::log::{Log, Result, scan};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind, codec};

const ABOUT: &str = "dead letters";
/// Reasons that a market gives by itself: nobody has to do anything about some of them.
const USUAL: [&str; 1] = ["late"];
/// A record that names another tenant: somebody writes where they must not.
const MISROUTED: &str = "misrouted";
/// Most letters that are told apart: repeats of one are counted once.
const MOST: usize = 200_000;

/// How many there are of each reason, each letter once.
pub(super) fn look(log: &dyn Log, tenant: &TenantId, now: Timestamp) -> Result<Vec<Finding>> {
    let topic = Topic::new(tenant, TopicKind::DeadLetters);
    let from = log.offset_at(&topic, now.plus(-DAY))?;
    let mut known = BTreeSet::new();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for record in scan(log, &topic, from..u64::MAX)? {
        let Ok(letter) = codec::decode_dead_letter(&record?.value) else { continue };
        if known.len() >= MOST || known.insert((letter.topic.clone(), letter.record_key())) {
            *reasons.entry(letter.reason).or_default() += 1;
        }
    }
    Ok(vec![judge(tenant, &reasons)])
}

fn judge(tenant: &TenantId, reasons: &BTreeMap<String, u64>) -> Finding {
    if reasons.is_empty() {
        return Finding::ok(ABOUT, "none within a day");
    }
    let told: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let found = format!("within a day: {}", told.join(", "));
    let list = format!("bellwether deadletters list --tenant {tenant}");
    if reasons.contains_key(MISROUTED) {
        return Finding::fault(
            ABOUT,
            found,
            format!("find out who writes to this tenant's topics: {list} --reason misrouted"),
        );
    }
    if reasons.keys().all(|reason| USUAL.contains(&reason.as_str())) {
        return Finding::ok(ABOUT, found);
    }
    Finding::warn(ABOUT, found, list)
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    #[test]
    fn what_a_market_gives_is_no_fault_and_what_is_anothers_is() {
        let level = |reasons: &[(&str, u64)]| {
            let reasons = reasons.iter().map(|(reason, count)| ((*reason).to_string(), *count)).collect();
            judge(&"fxlabs".parse().unwrap(), &reasons).level
        };
        assert_eq!(level(&[]), Level::Ok);
        assert_eq!(level(&[("late", 7)]), Level::Ok);
        assert_eq!(level(&[("late", 7), ("row_refused", 1)]), Level::Warn);
        assert_eq!(level(&[("late", 7), ("misrouted", 1)]), Level::Fault);
    }
}

//! `bellwether explain --not`.

use std::collections::BTreeMap;

use bellwether_engine::why::{Answer, Finding};
use bellwether_runtime::log::Log;
use bellwether_schemas::{AlertId, TenantId, Timestamp};
use bellwether_worker::why::{Asked, Edge, Told, why_not};
use serde_json::json;

use super::records_bar;
use crate::exit::{Coded, NO, USAGE};
use crate::named_offset::NamedOffset;

/// Asks the fold, and says what it answers.
pub(super) fn told(
    log: &dyn Log,
    tenant: &TenantId,
    alert: AlertId,
    (from, to): (NamedOffset, NamedOffset),
    as_json: bool,
) -> anyhow::Result<String> {
    if NamedOffset::is_backwards(from, to) {
        let message = "nothing lies between --from and --to: a span begins before it ends".into();
        return Err(Coded { code: USAGE, message }.into());
    }
    let asked = Asked { alert, from: edge(from), to: edge(to) };
    let bar = records_bar();
    let told = why_not(log, tenant, &asked, &mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let Told { answer, appended, began, records } = told?;
    let Some(answer) = answer else {
        let message = format!(
            "the journal of {tenant} has no event time in that span: `bellwether journal cat` shows it"
        );
        return Err(Coded { code: NO, message }.into());
    };
    if is_unknown(&answer) {
        let message = format!(
            "no alert {alert} of {tenant} is in the journal by {}: see that its row lies in this tenant's database, and \
             that `bellwether produce alerts` runs",
            answer.to
        );
        return Err(Coded { code: NO, message }.into());
    }
    Ok(if as_json {
        let appended: BTreeMap<String, Timestamp> =
            appended.iter().map(|(offset, at)| (offset.to_string(), *at)).collect();
        let text: Vec<String> = answer.findings.iter().map(Finding::text).collect();
        let line = json!({
            "type": "why_not", "tenant": tenant, "alert_id": alert, "answer": answer, "text": text,
            "appended": appended, "began": began, "records": records,
        });
        format!("{line}\n")
    } else {
        text(tenant, alert, &answer, &appended)
    })
}

const fn edge(named: NamedOffset) -> Edge {
    match named {
        NamedOffset::Start | NamedOffset::End => Edge::Journal,
        NamedOffset::Offset(offset) => Edge::Offset(offset),
        NamedOffset::Time(time) => Edge::Time(time),
    }
}

/// There was no such alert in all of the span.
fn is_unknown(answer: &Answer) -> bool {
    matches!(&answer.findings[..], [Finding::Off { state: "unknown", .. }])
}

fn text(tenant: &TenantId, alert: AlertId, answer: &Answer, appended: &BTreeMap<u64, Timestamp>) -> String {
    let mut text = format!("alert {alert} of {tenant}, from {} to {} (event time)\n", answer.from, answer.to);
    for line in answer.text().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    for (offset, at) in appended {
        text.push_str(&format!("  journal offset {offset} was appended at {at}\n"));
    }
    text
}

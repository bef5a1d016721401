//! What came of a trigger at its tenant: its row, its mail. Where the database cannot be asked, that is what is told.

use bellwether_database as database;
use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_sinks::mail::outbox::Outbox;
use bellwether_sinks::mail::outbox::by_hand::{Happened, Listed};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::super::mail::{Addresses, as_json};
use crate::wiring::Process;

/// What the tenant's database has.
pub(super) struct Delivered {
    /// When the row was written; none where there is none.
    row: Option<Timestamp>,
    /// The mail of its group, and what happened to it.
    mail: Option<(Listed, Vec<Happened>)>,
}

/// Or why nobody was asked, for people.
pub(super) type Asked = Result<Delivered, String>;

/// Asks the database of the trigger's tenant. Blocks; nothing that goes wrong there is an error here.
pub(super) fn ask(process: &Process, trigger: &TriggerFired) -> Asked {
    tokio::task::block_in_place(|| Handle::current().block_on(look(process, trigger)))
        .map_err(|error| format!("{error:#}"))
}

async fn look(process: &Process, trigger: &TriggerFired) -> anyhow::Result<Delivered> {
    let tenants = process.tenants_named(std::slice::from_ref(&trigger.tenant))?;
    let tenant = tenants.into_iter().next().ok_or_else(|| anyhow::anyhow!("the tenant has no file here"))?;
    database::check_configured(&tenant)?;
    let pool = database::connect(&tenant).await?;
    let row = database::tables::triggers::written_at(&pool, trigger.kind, trigger.id.0).await?;
    let mail = Outbox::new(pool, tenant.id).show(&trigger.group.id.to_string()).await?;
    Ok(Delivered { row: row.map(Timestamp::from), mail })
}

/// A fact a line: what it is about, and the fact.
pub(super) fn lines(asked: &Asked) -> Vec<(&'static str, String)> {
    let delivered = match asked {
        Err(why) => return vec![("row", format!("not asked: {why}")), ("mail", "not asked".into())],
        Ok(delivered) => delivered,
    };
    let row = delivered.row.map_or_else(
        || "none: it waits for the rows sink, was refused (`deadletters list`), or was deleted".into(),
        |at| format!("written at {at}"),
    );
    let mut lines = vec![("row", row)];
    match &delivered.mail {
        None => lines.push((
            "mail",
            "none is owed: the mail sink has not got to it, or it was not to be mailed".into(),
        )),
        Some((mail, events)) => {
            lines.push(("mail", of_mail(mail)));
            lines.extend(events.iter().map(|event| ("", of_event(event))));
        }
    }
    lines
}

fn of_mail(mail: &Listed) -> String {
    let text = |text: &Option<String>| text.as_deref().map(|text| Addresses::Hidden.text(text));
    let to = text(&mail.recipient).unwrap_or_else(|| "nobody yet".into());
    let because = text(&mail.reason).map_or_else(String::new, |reason| format!(" ({reason})"));
    let sent = mail
        .sent_at
        .map_or_else(String::new, |at| format!(", taken by its server at {}", Timestamp::from(at)));
    let owed = Timestamp::from(mail.created_at);
    format!("{}{because}, to {to}, of user {}; owed at {owed}{sent}", mail.state, mail.user_id)
}

fn of_event(Happened { at, event, detail }: &Happened) -> String {
    let detail =
        detail.as_deref().map_or_else(String::new, |detail| format!(": {}", Addresses::Hidden.text(detail)));
    format!("{} {event}{detail}", Timestamp::from(*at))
}

pub(super) fn json(asked: &Asked, trigger: &TriggerFired) -> Value {
    let delivered = match asked {
        Err(why) => return json!({ "not_asked": why }),
        Ok(delivered) => delivered,
    };
    let mail = delivered.mail.as_ref().map(|(mail, events)| {
        let mut told = as_json(&trigger.tenant, mail, Addresses::Hidden);
        told["events"] = events
            .iter()
            .map(|Happened { at, event, detail }| {
                let detail = detail.as_deref().map(|detail| Addresses::Hidden.text(detail));
                json!({ "at": at, "event": event, "detail": detail })
            })
            .collect();
        told
    });
    json!({ "row": delivered.row.map(|at| json!({ "written_at": at })), "mail": mail })
}

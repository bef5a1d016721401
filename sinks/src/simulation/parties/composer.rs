//! The mail sink's composer around its core.

use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::TriggerFired;

use super::super::database::Filled;
use super::super::faults::Kind;
use super::super::seats::Group;
use super::super::world::Around;
use super::sink::{Ask, Sink};
use crate::feed::Batch;
use crate::mail::composer::core::{Core, Input, Output};
use crate::mail::{SINK, group};

/// Composes mails of groups of triggers.
pub(super) struct Composing;

/// What the mail of a group says.
pub(in crate::simulation) fn content(group: &group::Group) -> Vec<u8> {
    group.triggers.iter().map(line).collect::<String>().into_bytes()
}

/// What a mail says of a trigger.
fn line(trigger: &TriggerFired) -> String {
    let TriggerFired { id, tenant, user_id, alert_version, value, price, .. } = trigger;
    format!("{id} of {user_id} at {tenant}, version {alert_version}: {value:?} {price:?}\n")
}

impl Sink for Composing {
    type Core = Core;
    type Input = Input;
    type Output = Output;

    const GROUP: Group = Group::Mail;

    fn begin(_seed: u64) -> (Core, Output) {
        (Core::new(), Output::Open)
    }

    fn ask(output: &Output) -> Ask {
        match output {
            Output::Receive => Ask::Receive,
            Output::Open | Output::Fill | Output::Locate => Ask::Database,
            Output::Wait(time) => Ask::Wait(*time),
            Output::Commit(next) => Ask::Commit(*next),
            Output::Rewind(to) => Ask::Rewind(*to),
            Output::Restored { .. } => Ask::Nothing,
        }
    }

    fn woke() -> Input {
        Input::Woke
    }

    fn of_batch(batch: Batch) -> Input {
        Input::Batch(batch)
    }

    fn told(core: &Core, output: &Output) -> String {
        match (output, core.part()) {
            (Output::Fill, Some(part)) => {
                let cursor = if part.last { part.ends.next_offset } else { part.stands.next_offset };
                format!("puts {} mails into the outbox, cursor then at {cursor}", part.groups.len())
            }
            (Output::Commit(next), _) => format!("commits {next}"),
            (other, _) => format!("{other:?}").to_lowercase(),
        }
    }

    fn transact(
        core: &Core,
        output: &Output,
        tenant: usize,
        around: &mut Around,
        fault: Option<Kind>,
    ) -> Input {
        let is_opening = *output == Output::Open;
        let failed = if is_opening { Input::NotOpened } else { Input::NotFilled };
        if fault == Some(Kind::DatabaseAway) {
            return failed;
        }
        let (now, database) = (around.now, &mut around.databases[tenant]);
        let input = match (output, core.part()) {
            (Output::Open, _) => Input::Opened(database.cursor(SINK)),
            (Output::Fill, Some(part)) => match database.fill(part, now, content) {
                Filled::Added(_) => Input::Filled,
                Filled::Elsewhere(stands) => Input::Stands(stands),
            },
            _ => Input::Stands(database.cursor(SINK)),
        };
        if fault.is_some() { failed } else { input }
    }

    fn step(core: &mut Core, _now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        core.step(input, outputs);
    }
}

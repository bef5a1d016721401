//! The rows sink around its core.

use bellwether_schemas::Timestamp;

use super::super::database::Wrote;
use super::super::faults::Kind;
use super::super::seats::Group;
use super::super::world::Around;
use super::sink::{Ask, Sink};
use crate::feed::Batch;
use crate::rows::core::{Core, FailureClass, Input, Output, WriteFailure};
use crate::rows::piece::Piece;

/// Writes rows.
pub(super) struct Writing;

impl Sink for Writing {
    type Core = Core;
    type Input = Input;
    type Output = Output;

    const GROUP: Group = Group::Rows;

    fn begin(seed: u64) -> (Core, Output) {
        (Core::new(seed), Output::Receive)
    }

    fn ask(output: &Output) -> Ask {
        match output {
            Output::Receive => Ask::Receive,
            Output::Write => Ask::Database,
            Output::Keep(_) => Ask::Keep,
            Output::Wait(time) => Ask::Wait(*time),
            Output::Commit(next) => Ask::Commit(*next),
            Output::Rewind(to) => Ask::Rewind(*to),
            Output::Parked(_) | Output::Resumed | Output::Dropped(_) => Ask::Nothing,
        }
    }

    fn woke() -> Input {
        Input::Woke
    }

    fn of_batch(batch: Batch) -> Input {
        Input::Batch(batch)
    }

    fn told(core: &Core, output: &Output) -> String {
        match (output, core.piece()) {
            (Output::Write, Some(piece)) => {
                format!("writes records {} to {} into the database", piece.from, piece.next_offset)
            }
            (Output::Keep(_), Some(piece)) => format!("puts record {} among the dead letters", piece.from),
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
        let Some(piece) = core.piece() else { return Input::Woke };
        if let Output::Keep(_) = output {
            return keep(piece, tenant, around, fault);
        }
        if fault == Some(Kind::DatabaseAway) {
            return failed(FailureClass::Transient);
        }
        let tidies = around.below(8) == 0;
        let (now, database) = (around.now, &mut around.databases[tenant]);
        if tidies {
            database.tidy();
        }
        match database.write(piece, now) {
            _ if fault.is_some() => failed(FailureClass::Transient),
            Wrote::Piece => Input::Written,
            Wrote::Behind(stands) => Input::Behind(stands),
            Wrote::Refused => failed(FailureClass::Refused),
        }
    }

    fn step(core: &mut Core, now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        core.step(now, input, outputs);
    }
}

fn failed(class: FailureClass) -> Input {
    Input::Failed(WriteFailure { class, code: String::new(), message: String::new() })
}

/// The record gets there, unless the log does not answer: then nobody knows.
fn keep(piece: &Piece, tenant: usize, around: &mut Around, fault: Option<Kind>) -> Input {
    if fault.is_none() || around.below(2) == 0 {
        around.kept[tenant].extend(piece.records.iter().map(|record| record.outcome.cause()));
    }
    Input::Kept(fault.is_none())
}

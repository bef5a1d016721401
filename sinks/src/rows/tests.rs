//! What the core and the plan of a transaction decide, one thing at a time.

use bellwether_database::cursor::Cursor;
use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::Cause;

use super::core::{Core, FailureClass, Input, Output, PARK_AFTER, WriteFailure};
use super::piece::Piece;
use super::plan::plan;
use super::simulation::trigger;
use crate::feed::{Batch, Delivered};
use crate::simulated::tenant;

fn transient() -> Input {
    let failure =
        WriteFailure { class: FailureClass::Transient, code: "08006".into(), message: "gone".into() };
    Input::Failed(failure)
}

fn batch(many: usize) -> Input {
    let record =
        |n| Delivered { offset: n as u64, appended_at: Timestamp(0), outcome: trigger(n, n), trace: None };
    let records = (0..many).map(record).collect();
    let next_offset = many as u64;
    Input::Batch(Batch { tenant: tenant(), records, from: 0, next_offset, mark: None, epoch: 0 })
}

#[test]
fn a_tenant_is_parked_once_after_thirty_seconds_and_resumes_with_its_first_write() {
    let (mut core, mut now, mut parked, mut tries) = (Core::new(1), Timestamp(0), 0, 0);
    let mut outputs = Vec::new();
    core.step(now, batch(1), &mut outputs);
    while now < Timestamp(120_000_000) {
        outputs.clear();
        core.step(now, transient(), &mut outputs);
        tries += 1;
        for output in &outputs {
            match output {
                Output::Parked(_) => {
                    parked += 1;
                    assert!(now.0 >= PARK_AFTER.as_micros() as i64);
                }
                Output::Wait(time) => now = now.plus(time.as_micros() as i64),
                other => panic!("{other:?}"),
            }
        }
        core.step(now, Input::Woke, &mut Vec::new());
    }
    assert_eq!(parked, 1);
    assert!(tries < 70, "{tries} tries in two minutes");
    outputs.clear();
    core.step(now, Input::Written, &mut outputs);
    assert_eq!(outputs, [Output::Resumed, Output::Commit(1), Output::Receive]);
}

#[test]
fn a_write_that_fails_after_half_a_minute_parks_its_tenant_at_once() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    core.step(Timestamp(0), batch(1), &mut outputs);
    outputs.clear();
    core.step(Timestamp(31_000_000), transient(), &mut outputs);
    assert!(matches!(outputs[..], [Output::Parked(_), Output::Wait(_)]), "{outputs:?}");
}

#[test]
fn refused_credentials_are_not_tried_more_than_twice_a_minute() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    core.step(Timestamp(0), batch(1), &mut outputs);
    for _ in 0..20 {
        outputs.clear();
        let (class, code) = (FailureClass::Denied, "28P01".into());
        core.step(
            Timestamp(0),
            Input::Failed(WriteFailure { class, code, message: String::new() }),
            &mut outputs,
        );
        assert!(matches!(outputs[..], [Output::Wait(time)] if time.as_secs() >= 30), "{outputs:?}");
        core.step(Timestamp(0), Input::Woke, &mut outputs);
    }
}

#[test]
fn a_table_that_refuses_even_nothing_is_waited_for() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    let refused = || {
        let (class, code) = (FailureClass::Refused, "42P01".into());
        Input::Failed(WriteFailure { class, code, message: String::new() })
    };
    core.step(Timestamp(0), batch(3), &mut outputs);
    outputs.clear();
    core.step(Timestamp(0), refused(), &mut outputs);
    assert_eq!(outputs, [Output::Write]);
    assert!(core.piece().unwrap().records.is_empty());
    outputs.clear();
    core.step(Timestamp(0), refused(), &mut outputs);
    assert!(matches!(outputs[..], [Output::Wait(_)]), "{outputs:?}");
}

#[test]
fn a_repeat_moves_the_cursor_back_nowhere() {
    let Input::Batch(batch) = batch(3) else { unreachable!() };
    let cursor = Cursor { cause: Cause { offset: 7, index: 0 }, next_offset: 8 };
    let piece = Piece::from(batch);
    let plan = plan(&piece, cursor);
    assert_eq!((plan.cursor, plan.repeats, plan.outcomes.len()), (cursor, 3, 0));
}

#[test]
fn the_cursor_passes_what_was_dropped_or_is_among_the_dead_letters() {
    let through = Cause { offset: 4, index: 2 };
    let piece = Piece {
        records: Vec::new(),
        from: 3,
        next_offset: 5,
        through: Some(through),
        mark: None,
        is_probe: false,
    };
    let plan = plan(&piece, Cursor { cause: Cause { offset: 2, index: 0 }, next_offset: 3 });
    assert_eq!(plan.cursor, Cursor { cause: through, next_offset: 5 });
}

#[test]
fn one_poison_record_of_500_costs_twice_its_depth_in_writes() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    let (mut writes, mut written, mut kept, mut stands) = (0, 0, 0, 0);
    let mut input = batch(500);
    loop {
        core.step(Timestamp(0), input, &mut outputs);
        let Some(output) = outputs.pop() else { break };
        outputs.clear();
        input = match output {
            Output::Write => {
                writes += 1;
                let records = &core.piece().unwrap().records;
                if records.iter().any(|record| record.offset == 321) {
                    let class = FailureClass::Refused;
                    Input::Failed(WriteFailure { class, code: "23514".into(), message: "check".into() })
                } else {
                    assert_eq!(core.piece().unwrap().from, stands, "pieces are written in order");
                    stands = core.piece().unwrap().next_offset;
                    written += records.len();
                    Input::Written
                }
            }
            Output::Keep(_) => {
                kept += 1;
                Input::Kept(true)
            }
            _ => break,
        };
    }
    assert_eq!((written, kept), (499, 1));
    assert!(writes <= 24, "{writes} writes");
}

//! Asking a tenant's log why an alert did not fire, and what was around one that did: the same whether the fold begins at a
//! snapshot or at the journal's start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use bellwether_engine::Engine;
use bellwether_engine::why::Finding;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, NewRecord};
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::snapshots::LateKept;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Timestamp, Topic, TopicKind, codec};
use bellwether_worker::snapshots::{Shelf, Snapshot, store_snapshot};
use bellwether_worker::why::{Asked, Edge, Told, around, why_not};
use memory::Memory;
use uuid::Uuid;
use walk::{alert, journal, straight, tenant};

const FIVE: i64 = 300_000_000;
/// Of the journal's hundred bars, the one at whose end the alert is switched off.
const PAUSED_AT: usize = 50;

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

fn paused() -> Vec<u8> {
    let Entry::Alert(change) = alert(1) else { panic!("an alert") };
    codec::encode_entry(&Entry::Alert(AlertChanged { version: 2, active: false, ..change })).unwrap()
}

/// A log with a journal in which alert 1 is paused, and what came of it.
fn log() -> Memory {
    let log = Memory::default();
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    let steps: Vec<_> = (0..100).map(|at| if at / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    let mut values = journal(&steps);
    let half = Timestamp(FIVE * PAUSED_AT as i64);
    let behind = values.iter().position(|value| {
        codec::decode_entry(value).is_ok_and(|entry| entry.event_time().is_some_and(|time| time > half))
    });
    values.insert(behind.unwrap(), paused());
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&topic(TopicKind::Journal), values.iter().map(record).collect()).wait().unwrap();
    log.append(&topic(TopicKind::Triggers), straight(&values)).wait().unwrap();
    log
}

/// Stores the state behind the first records.
fn snapshot(log: &Memory, folded: usize) {
    let records = log.records(&topic(TopicKind::Journal));
    let (mut engine, mut gist) = (Engine::new(tenant()), Gist::default());
    for record in &records[..folded] {
        let Ok(entry) = record.entry(&tenant()) else { continue };
        engine.apply(record.offset, &entry, &mut Vec::new());
        gist.see(record, &entry);
    }
    let last = &records[folded - 1];
    let snapshot = Snapshot {
        next_offset: last.offset + 1,
        last: last.as_last_folded(),
        watermark: engine.watermark(),
        engine_version: engine.version().number(),
        late: LateKept::default(),
        parts: engine.parts().collect(),
        gist: gist.taken(),
    };
    store_snapshot(log, &mut Shelf::new(&tenant()), &snapshot).unwrap();
}

fn ask(log: &Memory, number: u128, from: Edge, to: Edge) -> Told {
    let asked = Asked { alert: AlertId(Uuid::from_u128(number)), from, to };
    why_not(log, &tenant(), &asked, &mut |_, _| {}).unwrap()
}

fn bar(number: i64) -> Edge {
    Edge::Time(Timestamp(number * FIVE))
}

fn triggers(log: &Memory) -> Vec<TriggerFired> {
    let outcomes = log.records(&topic(TopicKind::Triggers)).into_iter();
    let fired = outcomes.filter_map(|record| match codec::decode_outcome(&record.value) {
        Ok(Outcome::Fired(trigger)) => Some(trigger),
        _ => None,
    });
    fired.collect()
}

#[test]
fn the_answer_is_the_same_from_the_start_and_from_any_snapshot_before_the_span() {
    let whole = log();
    let spans =
        [(bar(20), bar(30)), (bar(48), bar(60)), (bar(70), Edge::Journal), (Edge::Offset(150), bar(90))];
    for (from, to) in spans {
        for number in 1..=3 {
            let expected = ask(&whole, number, from, to);
            assert_eq!(expected.began, 0);
            for folded in [12, 40, 130] {
                let log = log();
                snapshot(&log, folded);
                let told = ask(&log, number, from, to);
                assert_eq!(
                    told.answer, expected.answer,
                    "alert {number} from {from:?} to {to:?}, {folded} folded"
                );
                let is_used = told.began == folded as u64;
                assert!(is_used || told.began == 0, "{told:?}");
                assert!(told.records <= expected.records, "{told:?}");
            }
        }
    }
    let log = log();
    snapshot(&log, 130);
    assert_eq!(ask(&log, 1, bar(80), bar(90)).began, 130, "the snapshot is used where it is before the span");
    assert_eq!(ask(&log, 1, bar(30), bar(40)).began, 0, "and not where it has seen of it");
}

#[test]
fn a_pause_from_before_the_snapshot_is_told_with_its_record() {
    let log = log();
    snapshot(&log, 150);
    let told = ask(&log, 1, bar(80), bar(90));
    let answer = told.answer.unwrap();
    let [Finding::Off { state, since, .. }] = &answer.findings[..] else { panic!("{answer:?}") };
    let record = &log.records(&topic(TopicKind::Journal))[usize::try_from(since.unwrap()).unwrap()];
    assert_eq!((*state, &record.value), ("paused", &paused()));
    assert!(told.appended.contains_key(&since.unwrap()), "when the log took it");
    // Others go on, and one that never was is not there.
    assert!(!matches!(ask(&log, 2, bar(80), bar(90)).answer.unwrap().findings[0], Finding::Off { .. }));
    let unknown = ask(&log, 9, Edge::Journal, Edge::Journal).answer.unwrap();
    assert!(matches!(unknown.findings[..], [Finding::Off { state: "unknown", .. }]), "{unknown:?}");
}

#[test]
fn a_span_that_ends_before_it_begins_has_no_answer() {
    let log = log();
    for (from, to) in [(bar(80), Edge::Offset(20)), (bar(80), bar(70)), (Edge::Offset(150), bar(10))] {
        assert_eq!(ask(&log, 1, from, to).answer, None, "from {from:?} to {to:?}");
    }
}

#[test]
fn a_trigger_has_its_ticks_and_the_bars_around_it() {
    let log = log();
    let fired = triggers(&log);
    assert!(fired.len() > 3, "the walk crosses its lines");
    for trigger in fired {
        let found = around(&log, &tenant(), &trigger).unwrap();
        let closes: Vec<i64> = found.bars.iter().map(|bar| bar.close_time.0).collect();
        let at = trigger.close_time.0;
        assert_eq!(closes[..2], [at - FIVE, at], "{trigger:?}");
        assert!(closes[2..].iter().all(|close| *close == at + FIVE), "{closes:?}");
        assert!(found.bars.iter().all(|bar| Some(&bar.symbol) == trigger.symbol.as_ref()), "{found:?}");
        assert_eq!((found.count, found.refused), (1, 0), "one tick a bar");
        assert_eq!(Some(found.ticks[0].bid), trigger.price, "{found:?}");
    }
}

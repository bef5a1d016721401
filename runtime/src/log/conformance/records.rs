//! Appending and reading.

use std::time::Duration;

use bellwether_schemas::topics::MAX_RECORD_BYTES;
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::Fixture;
use super::support::{append, read, read_all, read_from, record, topic, until, values};
use crate::log::{LogError, NewRecord, Record, scan};
use crate::trace::Context;

pub(super) fn a_topic_is_created_once_and_listed(fixture: &Fixture) {
    let topic = Topic::new(&fixture.tenant, TopicKind::Triggers);
    assert!(!fixture.log.topics().unwrap().contains(&topic));
    assert!(fixture.log.create(&topic).unwrap());
    assert!(!fixture.log.create(&topic).unwrap());
    until("the topic to be listed", || fixture.log.topics().unwrap().contains(&topic).then_some(()));
    let bounds = fixture.log.bounds(&topic).unwrap();
    assert_eq!(bounds.start, bounds.next);
}

pub(super) fn a_deleted_topic_is_gone_whole_and_can_be_made_anew(fixture: &Fixture) {
    let log = fixture.log.as_ref();
    let (gone, stays) = (topic(fixture, TopicKind::Triggers), topic(fixture, TopicKind::Journal));
    append(log, &gone, &["a", "b"]);
    append(log, &stays, &["c"]);
    assert!(log.delete(&gone).unwrap());
    until("the topic to be gone", || (!log.topics().unwrap().contains(&gone)).then_some(()));
    assert!(!log.delete(&gone).unwrap());
    assert!(matches!(log.bounds(&gone), Err(LogError::UnknownTopic { .. })));
    assert!(log.create(&gone).unwrap());
    assert_eq!(append(log, &gone, &["d"]), log.bounds(&gone).unwrap().start);
    assert_eq!(values(&read_all(log, &gone)), ["d"]);
    assert_eq!(values(&read_all(log, &stays)), ["c"]);
}

pub(super) fn an_append_returns_the_offset_it_is_read_from(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let first = append(log, &topic, &["a", "b"]);
    let second = append(log, &topic, &["c"]);
    assert!(second > first);
    assert_eq!(values(&read_from(log, &topic, first, 3)), ["a", "b", "c"]);
    let record = &read_from(log, &topic, second, 1)[0];
    assert_eq!((record.offset, &record.value[..], &record.key[..]), (second, &b"c"[..], &b"k"[..]));
    let before = log.bounds(&topic).unwrap();
    assert!(before.start <= first && before.next > second);
    append(log, &topic, &[]);
    assert_eq!(log.bounds(&topic).unwrap(), before, "an append of nothing adds nothing");
}

pub(super) fn a_trace_goes_along_with_its_record(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Readings);
    let log = fixture.log.as_ref();
    let trace: Context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let records = ["a", "b", "c"].map(|value| record(value, value)).to_vec();
    let first = log.append_traced(&topic, records, &[None, Some(trace)]).wait().unwrap();
    append(log, &topic, &["d"]);
    let read = read_from(log, &topic, first, 4);
    assert_eq!(values(&read), ["a", "b", "c", "d"]);
    let traces: Vec<Option<Context>> = read.iter().map(Record::trace).collect();
    assert_eq!(traces, [None, Some(trace), None, None]);
    assert_eq!(read[1].headers, [trace.header()]);
}

pub(super) fn appends_are_read_in_the_order_of_their_calls(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let names: Vec<String> = (0..50).map(|number| format!("value {number}")).collect();
    let acks: Vec<_> =
        names.iter().map(|name| fixture.log.append(&topic, vec![record(name, name)])).collect();
    let offsets: Vec<u64> = acks.into_iter().map(|ack| ack.wait().unwrap()).collect();
    let read = read_from(fixture.log.as_ref(), &topic, offsets[0], names.len());
    assert_eq!(values(&read), names);
    assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), offsets);
    assert!(offsets.is_sorted_by(|one, next| one < next));
}

pub(super) fn a_reader_at_the_end_waits_for_what_comes(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    append(log, &topic, &["before"]);
    let mut reader = log.reader(&topic, log.bounds(&topic).unwrap().next).unwrap();
    assert!(reader.read(10, Duration::ZERO).unwrap().is_empty());
    let (offset, read) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let read = read(reader.as_mut(), 1);
            assert!(reader.next_offset() > read[0].offset);
            read
        });
        (append(log, &topic, &["after"]), reading.join().unwrap())
    });
    assert_eq!((read[0].offset, values(&read)), (offset, vec!["after".to_string()]));
}

pub(super) fn a_scan_reads_to_the_end_it_found_and_no_further(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let numbers: Vec<String> = (0..3_000).map(|number| number.to_string()).collect();
    for batch in numbers.chunks(500) {
        append(log, &topic, &batch.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let offsets: Vec<u64> = read_all(log, &topic).iter().map(|record| record.offset).collect();
    let scanned = |range| -> Vec<String> {
        let records: Vec<Record> = scan(log, &topic, range).unwrap().map(|record| record.unwrap()).collect();
        values(&records)
    };
    assert_eq!(scanned(0..u64::MAX), numbers);
    assert_eq!(scanned(offsets[7]..offsets[2_100]), numbers[7..2_100], "to the offset and without it");
    let next = log.bounds(&topic).unwrap().next;
    assert!(scanned(next..u64::MAX).is_empty() && scanned(offsets[9]..offsets[9]).is_empty());
    let begun = scan(log, &topic, offsets[2_998]..u64::MAX).unwrap();
    append(log, &topic, &["later"]);
    let read: Vec<Record> = begun.map(|record| record.unwrap()).collect();
    assert_eq!(values(&read), numbers[2_998..], "what comes later is not waited for, nor seen");
    let beyond = log.bounds(&topic).unwrap().next + 1;
    assert!(matches!(scan(log, &topic, beyond..u64::MAX), Err(LogError::OffsetOutOfRange { .. })));
}

pub(super) fn an_append_time_is_found(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let first = append(log, &topic, &["first"]);
    let records = until("time to go on", || {
        append(log, &topic, &["next", "to it"]);
        let records = read_all(log, &topic);
        (records.last().unwrap().appended_at > records[0].appended_at).then_some(records)
    });
    assert!(records.is_sorted_by_key(|record| record.appended_at), "append times never go back");
    for record in &records {
        let expected = records.iter().find(|other| other.appended_at >= record.appended_at).unwrap().offset;
        assert_eq!(log.offset_at(&topic, record.appended_at).unwrap(), expected);
    }
    assert_eq!(log.offset_at(&topic, Timestamp(0)).unwrap(), first);
    assert_eq!(log.offset_at(&topic, Timestamp::MAX).unwrap(), log.bounds(&topic).unwrap().next);
}

pub(super) fn an_unknown_topic_is_said_to_be_unknown(fixture: &Fixture) {
    let topic = Topic::new(&fixture.tenant, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let errors = [
        log.append(&topic, vec![record("k", "v")]).wait().unwrap_err(),
        log.bounds(&topic).unwrap_err(),
        log.reader(&topic, 0).err().unwrap(),
        log.offset_at(&topic, Timestamp(0)).unwrap_err(),
        scan(log, &topic, 0..u64::MAX).err().unwrap(),
    ];
    for error in errors {
        assert!(
            matches!(&error, LogError::UnknownTopic { topic: named } if *named == topic.to_string()),
            "{error}"
        );
    }
    assert!(!log.topics().unwrap().contains(&topic), "asking does not create it");
}

pub(super) fn an_offset_out_of_range_is_refused(fixture: &Fixture) {
    let asked = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    append(log, &asked, &["a"]);
    let bounds = log.bounds(&asked).unwrap();
    match log.reader(&asked, bounds.next + 1).err().unwrap() {
        LogError::OffsetOutOfRange { topic, requested, start, next } => {
            assert_eq!((topic, requested), (asked.to_string(), bounds.next + 1));
            assert_eq!((start, next), (bounds.start, bounds.next));
        }
        other => panic!("{other}"),
    }
    assert!(log.reader(&asked, bounds.next).is_ok(), "the end is within");
}

pub(super) fn a_record_over_the_limit_is_refused_whole(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let sized = |bytes| NewRecord { key: vec![1; 10], value: vec![2; bytes - 10] };
    let before = log.bounds(&topic).unwrap();
    let refused = log.append(&topic, vec![record("k", "v"), sized(MAX_RECORD_BYTES + 1)]).wait().unwrap_err();
    match refused {
        LogError::TooLarge { bytes, limit, .. } => {
            assert_eq!((bytes, limit), (MAX_RECORD_BYTES + 1, MAX_RECORD_BYTES));
        }
        other => panic!("{other}"),
    }
    assert_eq!(log.bounds(&topic).unwrap(), before);
    let offset = log.append(&topic, vec![sized(MAX_RECORD_BYTES)]).wait().unwrap();
    assert_eq!(read_from(log, &topic, offset, 1)[0].value.len(), MAX_RECORD_BYTES - 10);
}

pub(super) fn two_tenants_never_see_each_other(fixture: &Fixture) {
    let log = fixture.log.as_ref();
    let [ours, theirs] =
        [&fixture.tenant, &fixture.other].map(|tenant| Topic::new(tenant, TopicKind::Journal));
    log.create(&ours).unwrap();
    assert!(
        matches!(log.bounds(&theirs), Err(LogError::UnknownTopic { .. })),
        "a tenant's topics are its own"
    );
    log.create(&theirs).unwrap();
    for round in 0..10 {
        append(log, &ours, &[&format!("ours {round}")]);
        append(log, &theirs, &[&format!("theirs {round}"), "theirs too"]);
    }
    assert!(values(&read_all(log, &ours)).iter().all(|value| value.starts_with("ours")));
    assert!(values(&read_all(log, &theirs)).iter().all(|value| value.starts_with("theirs")));
    assert_eq!((read_all(log, &ours).len(), read_all(log, &theirs).len()), (10, 20));
}

pub(super) fn a_writer_and_readers_at_once_agree(fixture: &Fixture) {
    const BATCHES: usize = 200;
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let start = log.bounds(&topic).unwrap().start;
    let names: Vec<[String; 3]> =
        (0..BATCHES).map(|batch| ["a", "b", "c"].map(|part| format!("{batch}{part}"))).collect();
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| read_from(log, &topic, start, BATCHES * 3))).collect();
        for [one, two, three] in &names {
            append(log, &topic, &[one, two, three]);
        }
        for reader in readers {
            let read = reader.join().unwrap();
            assert_eq!(values(&read), names.concat());
            assert!(read.is_sorted_by(|one, next| one.offset < next.offset));
        }
    });
}

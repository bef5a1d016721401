//! Members of groups.

use bellwether_schemas::{Topic, TopicKind};

use super::Fixture;
use super::support::{Ledger, Member, append, read_all, topic, values};
use crate::log::{LogError, Start};

pub(super) fn a_group_begins_at_the_start_and_goes_on(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    append(log, &topic, &["a", "b", "c"]);
    assert_eq!(log.committed(&fixture.group, &topic).unwrap(), None);
    let mut member = Member::join(fixture, &[&topic]);
    let taken = member.take(&topic, 3);
    assert_eq!(values(&taken), ["a", "b", "c"]);
    assert!(member.ledger.was_assigned(&topic));
    member.consumer.commit(&topic, taken[1].offset).unwrap();
    member.consumer.commit(&topic, taken[2].offset).unwrap();
    member.consumer.close().unwrap();
    assert_eq!(log.committed(&fixture.group, &topic).unwrap(), Some(taken[2].offset));
    let mut member = Member::join(fixture, &[&topic]);
    assert_eq!(values(&member.take(&topic, 1)), ["c"]);
}

pub(super) fn groups_do_not_share_positions(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    append(fixture.log.as_ref(), &topic, &["a", "b"]);
    let mut member = Member::join(fixture, &[&topic]);
    let other = format!("{}-other", fixture.group);
    let mut second = Member::join_as(fixture, &other, &[&topic], Ledger::default());
    let next = member.take(&topic, 2)[1].offset + 1;
    member.consumer.commit(&topic, next).unwrap();
    assert_eq!(values(&second.take(&topic, 2)), ["a", "b"]);
    assert_eq!(fixture.log.committed(&fixture.group, &topic).unwrap(), Some(next));
    assert_eq!(fixture.log.committed(&other, &topic).unwrap(), None);
}

pub(super) fn a_start_given_at_assignment_wins(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    append(fixture.log.as_ref(), &topic, &["a"]);
    let from = append(fixture.log.as_ref(), &topic, &["b"]);
    let ledger = Ledger::default();
    ledger.start(&topic, Start::At(from));
    let mut member = Member::join_as(fixture, &fixture.group, &[&topic], ledger);
    assert_eq!(values(&member.take(&topic, 1)), ["b"]);
}

pub(super) fn a_topic_assigned_paused_is_silent_until_it_is_sought_and_resumed(fixture: &Fixture) {
    let (paused, other) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let log = fixture.log.as_ref();
    append(log, &paused, &["a"]);
    let from = append(log, &paused, &["b", "c"]);
    append(log, &other, &["1"]);
    let ledger = Ledger::default();
    ledger.start(&paused, Start::Paused);
    let mut member = Member::join_as(fixture, &fixture.group, &[&paused, &other], ledger);
    member.poll_until("the topic to be assigned", |member| member.ledger.was_assigned(&paused));
    append(log, &paused, &["d"]);
    for _ in 0..5 {
        append(log, &other, &["2"]);
        member.take(&other, 1);
    }
    assert_eq!(member.unread(&paused), 0);
    member.consumer.seek(&paused, from).unwrap();
    append(log, &other, &["3"]);
    member.take(&other, 1);
    assert_eq!(member.unread(&paused), 0, "it is still paused");
    member.consumer.resume(&paused);
    assert_eq!(values(&member.take(&paused, 3)), ["b", "c", "d"]);
}

pub(super) fn a_paused_topic_is_silent_while_others_go_on(fixture: &Fixture) {
    let (paused, other) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let log = fixture.log.as_ref();
    append(log, &paused, &["a"]);
    append(log, &other, &["1"]);
    let mut member = Member::join(fixture, &[&paused, &other]);
    member.take(&paused, 1);
    member.take(&other, 1);
    member.consumer.pause(&paused);
    append(log, &paused, &["b", "c"]);
    for _ in 0..5 {
        append(log, &other, &["2"]);
        member.take(&other, 1);
    }
    assert_eq!(member.unread(&paused), 0);
    member.consumer.resume(&paused);
    assert_eq!(values(&member.take(&paused, 2)), ["b", "c"]);
}

pub(super) fn a_seek_reads_again(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    append(fixture.log.as_ref(), &topic, &["a", "b", "c"]);
    let mut member = Member::join(fixture, &[&topic]);
    let taken = member.take(&topic, 3);
    member.consumer.seek(&topic, taken[1].offset).unwrap();
    assert_eq!(values(&member.take(&topic, 2)), ["b", "c"]);
    let unassigned = Topic::new(&fixture.other, TopicKind::Journal);
    assert!(matches!(member.consumer.seek(&unassigned, 0), Err(LogError::NotAssigned { .. })));
    assert!(matches!(
        member.consumer.seek(&topic, taken[2].offset + 1000),
        Err(LogError::OffsetOutOfRange { .. })
    ));
}

pub(super) fn topics_take_turns(fixture: &Fixture) {
    let (one, two) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let many: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    for chunk in many.chunks(100) {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        append(fixture.log.as_ref(), &one, &chunk);
        append(fixture.log.as_ref(), &two, &chunk);
    }
    let mut member = Member::join(fixture, &[&one, &two]);
    member.poll_until("some of both", |member| member.unread(&one) > 0 && member.unread(&two) > 0);
    assert_eq!(values(&member.take(&two, many.len())), many);
    assert_eq!(values(&member.take(&one, many.len())), many);
}

pub(super) fn topics_come_and_go_by_subscribing(fixture: &Fixture) {
    let (first, second) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let log = fixture.log.as_ref();
    append(log, &first, &["a"]);
    append(log, &second, &["1"]);
    let mut member = Member::join(fixture, &[&first]);
    member.take(&first, 1);
    member.consumer.subscribe(&[first.clone(), second.clone()]).unwrap();
    assert_eq!(values(&member.take(&second, 1)), ["1"]);

    let reached = read_all(log, &first)[0].offset + 1;
    member.ledger.reach(&first, reached);
    member.consumer.subscribe(std::slice::from_ref(&second)).unwrap();
    member.poll_until("the topic to be given up", |member| member.ledger.was_revoked(&first));
    assert_eq!(
        log.committed(&fixture.group, &first).unwrap(),
        Some(reached),
        "committed before it is given up"
    );
    append(log, &first, &["b"]);
    append(log, &second, &["2"]);
    member.take(&second, 1);
    assert_eq!(member.unread(&first), 0);
    assert!(matches!(member.consumer.commit(&first, reached), Err(LogError::NotAssigned { .. })));
}

pub(super) fn closing_commits_what_is_given_up(fixture: &Fixture) {
    let topic = topic(fixture, TopicKind::Journal);
    append(fixture.log.as_ref(), &topic, &["a"]);
    let mut member = Member::join(fixture, &[&topic]);
    let next = member.take(&topic, 1)[0].offset + 1;
    member.ledger.reach(&topic, next);
    member.consumer.close().unwrap();
    assert!(member.ledger.was_revoked(&topic));
    assert_eq!(fixture.log.committed(&fixture.group, &topic).unwrap(), Some(next));
}

pub(super) fn a_failed_topic_is_reported_once_while_others_go_on(fixture: &Fixture) {
    let (bad, good) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let log = fixture.log.as_ref();
    let readable = append(log, &bad, &["a"]);
    append(log, &good, &["1"]);
    let ledger = Ledger::default();
    ledger.start(&bad, Start::At(readable + 1000));
    let mut member = Member::join_as(fixture, &fixture.group, &[&bad, &good], ledger);
    member.poll_until("the failure", |member| !member.failures.is_empty());
    for _ in 0..5 {
        append(log, &good, &["2"]);
        member.take(&good, 1);
    }
    let [(failed, LogError::OffsetOutOfRange { .. })] = &member.failures[..] else {
        panic!("{:?}", member.failures)
    };
    assert_eq!((failed, member.unread(&bad)), (&bad, 0));
    member.consumer.seek(&bad, readable).unwrap();
    assert_eq!(values(&member.take(&bad, 1)), ["a"]);
}

pub(super) fn a_group_names_its_members_and_their_topics(fixture: &Fixture) {
    let (one, two) = (topic(fixture, TopicKind::Journal), topic(fixture, TopicKind::Triggers));
    let log = fixture.log.as_ref();
    append(log, &one, &["a"]);
    append(log, &two, &["1"]);
    assert_eq!(log.members(&fixture.group).unwrap(), []);
    let mut member = Member::join(fixture, &[&one]);
    member.take(&one, 1);
    let of = |group: &str| -> Vec<Vec<Topic>> {
        log.members(group).unwrap().into_iter().map(|member| member.topics).collect()
    };
    assert_eq!(of(&fixture.group), [vec![one.clone()]]);
    member.consumer.subscribe(std::slice::from_ref(&two)).unwrap();
    member.take(&two, 1);
    member.poll_until("the change to be known", |_| of(&fixture.group) == [vec![two.clone()]]);
    assert!(!log.members(&fixture.group).unwrap()[0].id.is_empty());
    assert_eq!(log.members(&format!("{}-other", fixture.group)).unwrap(), []);
}

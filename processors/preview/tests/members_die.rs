//! Members that die anywhere, tenants that move: what is in the previews topic in the end is what one member that never died
//! leaves there, byte for byte, and nothing is committed before it is answered. The same of what users are told of a day.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod market;

use std::collections::BTreeMap;

use bellwether_engine::Engine;
use bellwether_preview::answer::answer;
use bellwether_preview::core::{Core, Input, Number, Output, Recovered};
use bellwether_preview::fold::Fold;
use bellwether_preview::users::follow;
use bellwether_preview::window::reach_back;
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::previews::{Preview, PreviewState, UserFollowed};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{Entry, TenantId, codec};
use market::{Market, START, change, decided_by_bars, fold, on_ticks, record, settings, user};

/// What lives on when a member dies: journals, the previews topic, what the group committed.
struct Log {
    journals: BTreeMap<TenantId, Vec<Record>>,
    previews: BTreeMap<TenantId, Vec<NewRecord>>,
    committed: BTreeMap<TenantId, u64>,
}

/// Under way beside the core: performed when the world says so, or lost with it.
enum UnderWay {
    Recovery(TenantId, Number),
    Job(Number, bellwether_preview::answer::Job),
    Day(Number, bellwether_preview::users::Ended),
    /// In the topic, in the order of the appends, and not acknowledged yet.
    Append(TenantId, Number),
}

struct Member {
    core: Core,
    reading: BTreeMap<TenantId, u64>,
    paused: BTreeMap<TenantId, bool>,
    under_way: Vec<UnderWay>,
}

/// Why a test takes away what a member was given.
const LOST: &str = "a test wants it";

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn tenants() -> [TenantId; 2] {
    ["fxlabs", "hextech"].map(|id| id.parse().unwrap())
}

/// A day and a half of quotes with alerts in between: new, edited, switched off, deleted, those of both tenants under the same
/// ids.
fn journal(tenant: &TenantId, seed: u64) -> Vec<Record> {
    let mut entries = vec![settings(tenant)];
    let mut market = Market::new(tenant, seed, 1);
    let mut kinds = decided_by_bars();
    kinds.push(on_ticks());
    for minute in 0..2_000 {
        entries.extend(market.minute());
        if minute % 190 == 17 {
            let place = minute / 190;
            let changed =
                |number: usize, version| change(tenant, number as u128, version, kinds[number].clone());
            entries.push(Entry::Alert(changed(place % kinds.len(), 1 + i64::try_from(place).unwrap())));
            if place == 7 {
                entries.push(Entry::Alert(AlertChanged { deleted: true, ..changed(2, 50) }));
            }
            if place == 8 {
                entries.push(Entry::Alert(AlertChanged { active: false, ..changed(3, 50) }));
                // An old version comes again and says nothing.
                entries.push(Entry::Alert(changed(4, 1)));
            }
        }
    }
    (0..).zip(&entries).map(|(offset, entry)| record(tenant, offset, entry)).collect()
}

impl Log {
    fn new() -> Self {
        Self::of(journal)
    }

    fn of(journal: impl Fn(&TenantId, u64) -> Vec<Record>) -> Self {
        let journals = tenants().into_iter().zip([3, 4]).map(|(tenant, seed)| {
            let journal = journal(&tenant, seed);
            (tenant, journal)
        });
        Self { journals: journals.collect(), previews: BTreeMap::new(), committed: BTreeMap::new() }
    }

    /// What compaction leaves: by alert, the last record.
    fn left(&self, tenant: &TenantId) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let records = self.previews.get(tenant).into_iter().flatten();
        records.map(|record| (record.key.clone(), record.value.clone())).collect()
    }

    fn recovered(&self, tenant: &TenantId) -> Recovered {
        let next_offset = self.committed.get(tenant).copied().unwrap_or(0);
        let journal = &self.journals[tenant];
        let (engine, begin) = old_enough(tenant, journal, next_offset);
        let mut fold = Fold::new(tenant.clone(), engine, begin, Decisions::default());
        for record in journal.iter().filter(|record| (begin..next_offset).contains(&record.offset)) {
            fold.apply(record).unwrap();
            fold.midnight().into_iter().for_each(|midnight| fold.told(midnight));
            fold.watermark().into_iter().for_each(|now| fold.forget_before(reach_back(now)));
        }
        Recovered { fold, next_offset, journal_end: journal.len() as u64 }
    }
}

/// The newest state that a member begins with who was given the journal there, and what it folds next.
fn old_enough(tenant: &TenantId, journal: &[Record], committed: u64) -> (Engine, u64) {
    let watermark = |upto: u64| {
        let mut engine = Engine::new(tenant.clone());
        journal.iter().filter(|record| record.offset < upto).for_each(|record| apply(&mut engine, record));
        engine
    };
    let limit = watermark(committed).watermark().map(|reached| reach_back(reached.floor(DAY)));
    let (mut engine, mut found) = (Engine::new(tenant.clone()), (Engine::new(tenant.clone()), 0));
    for record in journal {
        apply(&mut engine, record);
        match engine.watermark() {
            now if now > limit => break,
            // A state is taken once in a while.
            Some(_) if record.offset % 50 == 0 => found = (engine.clone(), record.offset + 1),
            _ => {}
        }
    }
    found
}

fn apply(engine: &mut Engine, record: &Record) {
    engine.apply(record.offset, &codec::decode_entry(&record.value).unwrap(), &mut Vec::new());
}

impl Member {
    fn new() -> Self {
        Self {
            core: Core::default(),
            reading: BTreeMap::new(),
            paused: BTreeMap::new(),
            under_way: Vec::new(),
        }
    }

    fn step(&mut self, input: Input, log: &mut Log) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        for output in outputs {
            match output {
                Output::Recover(tenant, id, _) => self.under_way.push(UnderWay::Recovery(tenant, id)),
                Output::ReadFrom(tenant, offset) => {
                    self.paused.insert(tenant.clone(), false);
                    self.reading.insert(tenant, offset);
                }
                Output::Answer(id, _, job) => self.under_way.push(UnderWay::Job(id, job)),
                Output::Follow(id, ended) => self.under_way.push(UnderWay::Day(id, ended)),
                Output::Append(tenant, id, records, _) => {
                    log.previews.entry(tenant.clone()).or_default().extend(records);
                    self.under_way.push(UnderWay::Append(tenant, id));
                }
                Output::Commit(tenant, next) => {
                    assert!(
                        log.committed.get(&tenant).is_none_or(|before| *before <= next),
                        "it never falls"
                    );
                    log.committed.insert(tenant, next);
                }
                Output::Pause(tenant) => drop(self.paused.insert(tenant, true)),
                Output::Resume(tenant) => drop(self.paused.insert(tenant, false)),
                Output::Stopped(_, reason) => assert_eq!(reason, LOST),
            }
        }
    }

    fn assign(&mut self, log: &mut Log) {
        for tenant in tenants() {
            self.step(Input::Assigned(tenant), log);
        }
    }

    /// Performs that one of what is under way.
    fn perform(&mut self, place: usize, log: &mut Log) {
        match self.under_way.remove(place) {
            UnderWay::Recovery(tenant, id) => {
                let recovered = log.recovered(&tenant);
                self.step(Input::Recovered(tenant, id, Ok(Box::new(recovered))), log);
            }
            UnderWay::Job(id, job) => {
                let answers = answer(&job, &|| false);
                self.step(Input::Answered(job.tenant, id, answers), log);
            }
            UnderWay::Day(id, ended) => {
                let said = follow(&ended, &|| false);
                self.step(Input::Followed(ended.tenant, id, said), log);
            }
            UnderWay::Append(tenant, id) => self.step(Input::Acknowledged(tenant, id), log),
        }
    }

    /// Reads some records of a tenant; false when there is nothing to read.
    fn read(&mut self, tenant: &TenantId, most: usize, log: &mut Log) -> bool {
        let Some(from) = self.reading.get(tenant).copied() else { return false };
        let records: Vec<Record> =
            log.journals[tenant].iter().skip(usize::try_from(from).unwrap()).take(most).cloned().collect();
        if records.is_empty() || self.paused.get(tenant) == Some(&true) {
            return false;
        }
        self.reading.insert(tenant.clone(), from + records.len() as u64);
        self.step(Input::Records(tenant.clone(), records), log);
        true
    }

    /// Until nothing is left to do.
    fn finish(&mut self, log: &mut Log) {
        loop {
            let mut did = false;
            for tenant in tenants() {
                did |= self.read(&tenant, 64, log);
            }
            if !self.under_way.is_empty() {
                self.perform(0, log);
                did = true;
            }
            if !did {
                return;
            }
        }
    }
}

/// A member reads, answers and appends in an order that the seed gives, and dies again and again.
fn run(seed: u64, mut log: Log) -> Log {
    let mut random = Random(seed);
    for _ in 0..3 {
        let mut member = Member::new();
        member.assign(&mut log);
        for _ in 0..random.below(60) + 10 {
            let tenant = &tenants()[random.below(2)];
            match random.below(3) {
                0 if !member.under_way.is_empty() => {
                    let place = random.below(member.under_way.len());
                    member.perform(place, &mut log);
                }
                _ => drop(member.read(tenant, random.below(300) + 1, &mut log)),
            }
            if random.below(25) == 0 {
                member.step(Input::Lost(tenant.clone(), LOST.into()), &mut log);
            }
        }
    }
    let mut last = Member::new();
    last.assign(&mut log);
    last.finish(&mut log);
    log
}

fn straight(mut log: Log) -> Log {
    let mut member = Member::new();
    member.assign(&mut log);
    member.finish(&mut log);
    log
}

#[test]
fn wherever_members_die_the_topic_has_in_the_end_what_one_that_lived_leaves_there() {
    let whole = straight(Log::new());
    for tenant in tenants() {
        let mut left = whole.left(&tenant);
        for number in [1, 2] {
            let followed = followed(&left.remove(&user_key(number)).unwrap());
            assert_eq!((followed.tenant, followed.user_id), (tenant.clone(), user(number)));
            assert_eq!(followed.to, START.plus(DAY));
            assert!(followed.triggers > 0 && followed.moved.is_some(), "{:?}", followed.moved);
        }
        assert_eq!(left.len(), 9, "of each alert something");
        let previews = left.values().filter(|value| !value.is_empty());
        let previews: Vec<_> = previews.map(|value| preview(value)).collect();
        assert!(previews.iter().all(|preview| preview.tenant == tenant));
        assert!(previews.iter().any(|preview| preview.state == PreviewState::Answered && preview.times > 0));
        assert!(left[&key(2)].is_empty() && left[&key(3)].is_empty(), "deleted, and switched off");
        assert_eq!(previews.len(), 7);
        let end = whole.journals[&tenant].len() as u64;
        assert_eq!(whole.committed[&tenant], end);
    }
    assert_ne!(whole.left(&tenants()[0]), whole.left(&tenants()[1]));
    for seed in 0..6 {
        let log = run(seed, Log::new());
        for tenant in tenants() {
            let (left, expected) = (log.left(&tenant), whole.left(&tenant));
            assert_eq!(left, expected, "seed {seed}, {tenant}");
            assert_eq!(log.committed[&tenant], whole.committed[&tenant], "seed {seed}, {tenant}");
        }
    }
}

/// Days of a journal that is caught up with.
const DAYS: i64 = 100;

/// A hundred days of two minutes each, an alert on the first of them and another after six weeks: both need all symbols.
fn weeks(tenant: &TenantId) -> Vec<Record> {
    let mut entries = vec![settings(tenant)];
    let mut market = Market::new(tenant, 5, 2);
    let kinds = decided_by_bars();
    for day in 0..DAYS {
        for _ in 0..2 {
            entries.extend(market.minute());
        }
        market.skip(24 * 60 - 2);
        match day {
            0 => entries.push(Entry::Alert(change(tenant, 1, 1, kinds[0].clone()))),
            42 => entries.push(Entry::Alert(change(tenant, 2, 1, kinds[5].clone()))),
            _ => {}
        }
    }
    (0..).zip(&entries).map(|(offset, entry)| record(tenant, offset, entry)).collect()
}

/// Whose role was never run, or not for long, catches up with months; what waits for an answer would keep all their minutes.
#[test]
fn however_long_a_journal_is_caught_up_with_few_more_minutes_are_kept_than_answers_look_back() {
    let mut log = Log::new();
    let [tenant, other] = tenants();
    log.journals.insert(tenant.clone(), weeks(&tenant));
    log.journals.get_mut(&other).unwrap().clear();
    let mut member = Member::new();
    member.step(Input::Assigned(tenant.clone()), &mut log);
    member.perform(0, &mut log);
    while member.read(&tenant, 1, &mut log) {}
    let [UnderWay::Job(_, job)] = &member.under_way[..] else { panic!("the first change is not answered") };
    assert_eq!(job.requests.len(), 1, "the first was answered before the second came");
    assert!(member.paused[&tenant], "nobody answers, and the second waits");
    // Two minutes a day of four symbols: thirty days and twice seven, and the days that begin and end them.
    let kept = member.core.minutes(&tenant).unwrap();
    assert!((30 * 8..=46 * 8).contains(&kept), "{kept} minutes");
    member.finish(&mut log);
    let alerts = log.left(&tenant).into_keys().filter(|key| !key.starts_with(b"user|"));
    assert_eq!(alerts.count(), 2);
    assert_eq!(log.committed[&tenant], log.journals[&tenant].len() as u64);
    assert!(!member.paused[&tenant]);
}

/// Quotes of the first twenty minutes of each of 45 days. The alert of one user goes after three of them.
fn six_weeks(tenant: &TenantId, seed: u64) -> Vec<Record> {
    let kinds = decided_by_bars();
    let mut entries = vec![settings(tenant)];
    let mut market = Market::new(tenant, seed, 1);
    let (going, staying) = (change(tenant, 1, 1, kinds[6].clone()), change(tenant, 2, 1, kinds[0].clone()));
    entries.extend([Entry::Alert(going.clone()), Entry::Alert(staying)]);
    for day in 0..45 {
        (0..20).for_each(|_| entries.extend(market.minute()));
        market.skip(24 * 60 - 20);
        if day == 2 {
            entries.push(Entry::Alert(AlertChanged { deleted: true, version: 2, ..going.clone() }));
        }
    }
    entries.extend(market.minute());
    (0..).zip(&entries).map(|(offset, entry)| record(tenant, offset, entry)).collect()
}

/// Who has no triggers any more is told that, whichever days a member who catches up leaves out.
#[test]
fn whoever_makes_it_of_whichever_days_users_are_told_of_the_last_thirty_and_then_nothing_any_more() {
    let whole = straight(Log::of(six_weeks));
    for tenant in tenants() {
        let left = whole.left(&tenant);
        assert!(left[&user_key(1)].is_empty(), "nothing fired for thirty days");
        let said = whole.previews[&tenant].iter().filter(|record| record.key == user_key(1)).count();
        assert!(said > 1, "but something was said before");
        let followed = followed(&left[&user_key(2)]);
        assert_eq!(followed.to, START.plus(45 * DAY));
        assert_eq!(followed.from, START.plus(15 * DAY));
        assert!(followed.triggers > 0 && followed.moved.unwrap().random.is_some());
        let end = whole.journals[&tenant].len() as u64;
        assert_eq!(whole.committed[&tenant], end);
    }
    for seed in 0..4 {
        let log = run(seed, Log::of(six_weeks));
        for tenant in tenants() {
            assert_eq!(log.left(&tenant), whole.left(&tenant), "seed {seed}, {tenant}");
            assert_eq!(log.committed[&tenant], whole.committed[&tenant], "seed {seed}, {tenant}");
        }
    }
}

fn preview(value: &[u8]) -> bellwether_schemas::previews::AlertPreview {
    match codec::decode_preview(value).unwrap() {
        Preview::Alert(preview) => preview,
        Preview::User(followed) => panic!("{followed:?}"),
    }
}

fn followed(value: &[u8]) -> UserFollowed {
    match codec::decode_preview(value).unwrap() {
        Preview::User(followed) => followed,
        Preview::Alert(preview) => panic!("{preview:?}"),
    }
}

fn user_key(number: u128) -> Vec<u8> {
    UserFollowed::key_of(user(number)).into_bytes()
}

fn key(number: u128) -> Vec<u8> {
    market::alert_id(number).to_string().into_bytes()
}

#[test]
fn an_answer_that_a_newer_version_overtook_is_not_written() {
    let mut log = Log::new();
    let [tenant, _] = tenants();
    let kinds = decided_by_bars();
    let mut entries = vec![settings(&tenant)];
    entries.push(Entry::Alert(change(&tenant, 1, 1, kinds[0].clone())));
    entries.push(Entry::Alert(change(&tenant, 1, 2, kinds[0].clone())));
    let records = (0..).zip(&entries).map(|(offset, entry)| record(&tenant, offset, entry)).collect();
    log.journals.insert(tenant.clone(), records);
    log.journals.get_mut(&tenants()[1]).unwrap().clear();
    let mut member = Member::new();
    // The journal ends there as far as the recovery knows, so the first version is not waited with.
    member.step(Input::Assigned(tenant.clone()), &mut log);
    let UnderWay::Recovery(_, id) = member.under_way.remove(0) else { panic!("no recovery") };
    let recovered = Recovered { fold: fold(&tenant), next_offset: 0, journal_end: 0 };
    member.step(Input::Recovered(tenant.clone(), id, Ok(Box::new(recovered))), &mut log);
    member.read(&tenant, 2, &mut log);
    assert!(matches!(member.under_way[..], [UnderWay::Job(..)]));
    assert_eq!(log.committed.get(&tenant), Some(&1), "the change is not answered yet");
    member.read(&tenant, 1, &mut log);
    member.finish(&mut log);
    let written = &log.previews[&tenant];
    assert_eq!(written.len(), 1);
    assert_eq!(preview(&written[0].value).version, 2);
    assert_eq!(log.committed[&tenant], 3);
}

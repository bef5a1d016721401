//! The decisions over a simulated outbox: whatever fires when, whatever users wish and change their minds about, whoever
//! is down or dies in between, every trigger is mailed, told in a digest, dropped by its user's own choice or
//! suppressed with a reason; none twice, never more in an hour than the limit, and nothing waits longer than allowed.

mod database;
mod judgement;
mod minds;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::{GroupId, UserId};
use bellwether_schemas::time::{HOUR, MINUTE, SECOND};
use bellwether_schemas::triggers::TriggerFired;
use chrono_tz::Tz;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Asked, Caps, Course, Hours, Wait, Wishes};
use crate::mail::decide::{Granted, People, Rules, granted};
use crate::mail::group::Group;
use crate::mail::kind::MailKind;
use crate::mail::release::{DueDigest, Waiting, plan};
use crate::mail::render::Gist;
use crate::mail::samples;
use crate::simulated::Random;

const USERS: u64 = 3;
const TURNS: usize = 90;
const SYMBOLS: [&str; 4] = ["EURUSDm", "GBPUSDm", "XAUUSDm", "BTCUSDm"];
const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::Asia__Kolkata,
    Tz::America__New_York,
    Tz::America__Santiago,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
];
const KINDS: [AlertKind; 3] = [AlertKind::RsiTracker, AlertKind::PriceAlert, AlertKind::HeatmapTracker];

static SAMPLE: LazyLock<TriggerFired> = LazyLock::new(|| samples::triggers("fxlabs").remove(0));

#[derive(Debug, Clone, PartialEq)]
enum State {
    Pending,
    Sent(Timestamp),
    /// Nobody knows, and it is not tried again.
    Ambiguous(Timestamp),
    Failed,
    Suppressed(String),
    Held(Wait),
    /// In the digest of that number.
    Digested(usize),
}

#[derive(Debug, Clone)]
struct Row {
    user: UserId,
    kind: MailKind,
    /// Symbols of the triggers that its mail tells of.
    symbols: Vec<String>,
    state: State,
    appended_at: Timestamp,
    held_at: Timestamp,
}

/// What survives a crash.
#[derive(Debug, Clone, Default)]
struct Outbox {
    rows: BTreeMap<String, Row>,
    digests: Vec<DueDigest>,
    /// How many groups are read.
    read: usize,
}

struct World {
    random: Random,
    now: Timestamp,
    caps: Caps,
    wishes: Vec<Wishes>,
    /// Users who at some time wanted something not to be sent.
    choosy: Vec<bool>,
    topic: Vec<Group>,
    outbox: Outbox,
    /// Somebody looks at what waits every second.
    up: bool,
}

fn user(number: usize) -> UserId {
    UserId(Uuid::from_u128(number as u128))
}

fn number(user: UserId) -> usize {
    usize::try_from(user.0.as_u128()).unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let most = |number: u64| NonZeroU32::new(u32::try_from(number).unwrap()).unwrap();
        let a_user = most(1 + random.below(6));
        let tenant = most(if random.below(4) == 0 { 1 + random.below(8) } else { 1_000 });
        let zone = ZONES[pick(&mut random, ZONES.len())];
        // Any minute of two years, changes of clocks among them.
        let now = Timestamp(1_767_225_600 * SECOND).plus(random.below(2 * 525_600) as i64 * MINUTE);
        let mut world = Self {
            random,
            now,
            caps: Caps { a_user, tenant, zone },
            wishes: vec![Wishes::default(); USERS as usize],
            choosy: vec![false; USERS as usize],
            topic: Vec::new(),
            outbox: Outbox::default(),
            up: true,
        };
        (0..USERS as usize).for_each(|user| world.change_mind(user));
        world
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    fn turn(&mut self) {
        match self.below(12) {
            0..=3 => self.fire(),
            4..=6 => self.fill(),
            7..=8 => self.deliver(),
            9 => {
                let user = pick(&mut self.random, USERS as usize);
                self.change_mind(user);
            }
            10 if self.below(8) == 0 => self.up = !self.up,
            _ => self.pass(),
        }
        if self.up {
            self.release();
        }
    }

    fn pass(&mut self) {
        let step = match self.below(30) {
            0 => 20 * HOUR,
            1..=4 => 2 * HOUR,
            5..=20 => 10 * MINUTE,
            _ => SECOND,
        };
        self.wait(step);
    }

    /// Whoever is up looks whenever something is due: every second.
    fn wait(&mut self, time: i64) {
        let end = self.now.plus(time);
        while self.up && self.now < end {
            let waits = self.outbox.rows.values().filter_map(|row| match row.state {
                State::Held(wait) => Some(wait.until),
                _ => None,
            });
            self.now = waits.fold(end, Timestamp::min);
            self.release();
        }
        self.now = end;
    }

    fn fire(&mut self) {
        for _ in 0..=self.below(4) {
            let number = self.topic.len() as u128;
            let (user, kind) =
                (user(pick(&mut self.random, USERS as usize)), KINDS[pick(&mut self.random, KINDS.len())]);
            let first = pick(&mut self.random, SYMBOLS.len());
            let size = 1 + pick(&mut self.random, 3);
            let one = |index: usize| {
                let mut trigger = SAMPLE.clone();
                (trigger.user_id, trigger.kind) = (user, kind);
                trigger.group.id = GroupId(Uuid::from_u128(number));
                trigger.symbol = Some(SYMBOLS[(first + index) % SYMBOLS.len()].parse().unwrap());
                trigger
            };
            let triggers = (0..size).map(one).collect();
            self.topic.push(Group {
                triggers,
                offset: number as u64,
                appended_at: self.now,
                whole: true,
                trace: None,
            });
        }
    }

    /// In one transaction, which may not be committed, or be committed and its worker not hear of it.
    fn fill(&mut self) {
        let before = self.outbox.clone();
        let read = self.outbox.read;
        let until = self.topic.len().min(read + 1 + pick(&mut self.random, 8));
        let people = self.people(self.now);
        let mut hours = people.hours.clone();
        for group in &self.topic[read..until] {
            let id = group.triggers[0].group.id.to_string();
            if !people.known.contains(&id) {
                let row = self.decide(group, &people, &mut hours);
                self.outbox.rows.insert(id, row);
            }
        }
        match self.below(8) {
            0 => self.outbox = before,
            // Only the last part of a batch moves the cursor.
            1 => {}
            _ => self.outbox.read = until,
        }
    }

    fn decide(&self, group: &Group, people: &People, hours: &mut Hours) -> Row {
        let first = &group.triggers[0];
        let (user, kind) = (first.user_id, MailKind::Alert(first.kind));
        let rules = Rules { people, caps: self.caps, suffix: "m", held_below: 0 };
        let (state, triggers) = match granted(group, rules, hours) {
            Err(reason) => (State::Suppressed(reason), Vec::new()),
            Ok(Granted { triggers, course, .. }) => {
                let wishes = people.wishes(user);
                hours.note(Asked { kind, user, wishes, useful_until: None }, course);
                (self.state(user, kind, course), triggers)
            }
        };
        let symbols = triggers.iter().map(|of| of.symbol.as_ref().unwrap().to_string()).collect();
        Row { user, kind, symbols, state, appended_at: group.appended_at, held_at: self.now }
    }

    fn state(&self, user: UserId, kind: MailKind, course: Course) -> State {
        match course {
            Course::Send => {
                assert!(!self.is_quiet(user, kind), "a mail goes out in quiet hours");
                State::Pending
            }
            Course::Wait(wait) => {
                self.check(user, kind, wait);
                State::Held(wait)
            }
            Course::Drop(reason) => State::Suppressed(reason.into()),
        }
    }

    /// Nothing waits longer than an hour but for quiet hours, and those end within a day.
    fn check(&self, user: UserId, kind: MailKind, wait: Wait) {
        let time = wait.until.since(self.now);
        assert!(time > 0, "{wait:?} is over");
        let quiet = |kind| self.wishes[number(user)].quiet_end(kind, self.caps.zone, self.now).is_some();
        let most = if quiet(kind) || quiet(MailKind::Digest) { 49 * HOUR } else { HOUR };
        assert!(time <= most, "{wait:?} from {}", self.now);
    }

    fn release(&mut self) {
        let due = |row: &Row| matches!(row.state, State::Held(wait) if wait.until <= self.now);
        let waiting: Vec<Waiting> =
            self.outbox.rows.iter().filter(|(_, row)| due(row)).map(|(id, row)| row.waiting(id)).collect();
        if waiting.is_empty() {
            return;
        }
        let before = self.outbox.clone();
        let plan = plan(waiting, &self.people(self.now), self.caps);
        for id in plan.sent {
            let (user, kind) = self.of(&id);
            let state = self.state(user, kind, Course::Send);
            self.put(&id, state);
        }
        for (id, wait) in plan.waits {
            let (user, kind) = self.of(&id);
            let state = self.state(user, kind, Course::Wait(wait));
            self.put(&id, state);
        }
        plan.suppressed.into_iter().for_each(|(id, reason)| self.put(&id, State::Suppressed(reason)));
        for digest in plan.digests {
            assert!(!self.is_quiet(digest.user, MailKind::Digest), "a digest goes out in quiet hours");
            let place = self.outbox.digests.len();
            digest.told.iter().for_each(|mail| self.put(&mail.occurrence, State::Digested(place)));
            self.outbox.digests.push(digest);
        }
        if self.below(20) == 0 {
            // It dies before the commit, and somebody else looks at once.
            self.outbox = before;
            return self.release();
        }
        assert!(
            !self
                .outbox
                .rows
                .values()
                .any(|row| matches!(row.state, State::Held(wait) if wait.until <= self.now))
        );
    }

    fn of(&self, id: &str) -> (UserId, MailKind) {
        let row = &self.outbox.rows[id];
        (row.user, row.kind)
    }

    fn put(&mut self, id: &str, state: State) {
        let row = self.outbox.rows.get_mut(id).unwrap();
        assert!(matches!(row.state, State::Held(_)), "{id} is released twice: {row:?}");
        row.state = state;
    }

    fn deliver(&mut self) {
        let ids: Vec<String> = self.outbox.rows.keys().cloned().collect();
        for id in ids {
            if self.outbox.rows[&id].state == State::Pending {
                let state = match self.below(12) {
                    0 => State::Failed,
                    1 => State::Ambiguous(self.now),
                    2..=4 => State::Pending,
                    _ => State::Sent(self.now),
                };
                self.outbox.rows.get_mut(&id).unwrap().state = state;
                self.now = self.now.plus(SECOND);
            }
        }
    }

    /// Nobody fires or changes anything any more, and everybody is up.
    fn drain(&mut self) {
        self.up = true;
        while self.outbox.read < self.topic.len() {
            self.fill();
        }
        for _ in 0..60 {
            self.wait(HOUR);
            self.deliver();
            self.release();
        }
    }
}

impl Row {
    fn waiting(&self, id: &str) -> Waiting {
        let State::Held(wait) = self.state else { panic!("{self:?} does not wait") };
        let gist = Gist { what: id.into(), at: self.appended_at };
        let Self { user, kind, appended_at, held_at, .. } = *self;
        Waiting { occurrence: id.into(), kind, user, wait, gist, appended_at, held_at }
    }
}

fn pick(random: &mut Random, of: usize) -> usize {
    usize::try_from(random.below(of as u64)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn every_trigger_is_mailed_told_dropped_or_suppressed_none_twice_and_no_hour_has_too_many(seed: u64) {
        let mut world = World::new(seed);
        (0..TURNS).for_each(|_| world.turn());
        world.drain();
        world.judge();
    }
}

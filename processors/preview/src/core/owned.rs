//! A tenant whose journal is folded: what waits, what is under way, what is done.

use std::collections::{BTreeMap, VecDeque};

use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::previews::{AlertPreview, Preview, UserFollowed};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{AlertId, Symbol, TenantId, Timestamp, codec};

use super::{Breadth, MOST_WAITING, Number, Output, Recovered, next};
use crate::answer::{Job, Request};
use crate::fold::{Changed, Fold, Stop};
use crate::users::{Ended, Said};
use crate::window::reach_back;

/// Most changes that one play of the minutes answers.
const TOGETHER: usize = 256;
/// Most symbols of changes that are answered together, where not all symbols are needed anyway.
const FEW_SYMBOLS: usize = 3;
/// Most users of whom one append speaks.
const SAID_TOGETHER: usize = 1_000;
/// How much longer minutes are kept than an answer looks back, for changes that wait until the journal is caught up with,
/// microseconds of event time: then those are answered without waiting. Twice as much, and no more is read until they are.
const MOST_KEPT_LONGER: i64 = 7 * DAY;

/// A tenant whose journal is folded.
#[derive(Debug)]
pub(super) struct Owned {
    fold: Fold,
    pub(super) next_offset: u64,
    journal_end: u64,
    waiting: BTreeMap<AlertId, Request>,
    /// The last day that ended, of which users are to be told.
    ended: Option<Untold>,
    following: Option<UnderWay>,
    jobs: BTreeMap<Breadth, UnderWay>,
    appends: BTreeMap<Number, UnderWay>,
    committed: u64,
    is_paused: bool,
    /// Tries that failed since records were last folded.
    pub(super) failures: u32,
}

/// A day that ended, and perhaps others before it that nobody was told of either.
#[derive(Debug)]
struct Untold {
    ended: Ended,
    /// When the first of them ended, and by which record.
    first: Timestamp,
    offset: u64,
    since: Timestamp,
}

/// Something that has to end before what lies behind it is committed.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    id: Number,
    /// The smallest journal offset that it is about.
    offset: u64,
    since: Timestamp,
}

impl Owned {
    pub(super) fn new(recovered: Recovered, failures: u32) -> Self {
        let Recovered { fold, next_offset, journal_end } = recovered;
        Self {
            fold,
            next_offset,
            journal_end,
            waiting: BTreeMap::new(),
            ended: None,
            following: None,
            jobs: BTreeMap::new(),
            appends: BTreeMap::new(),
            committed: next_offset,
            is_paused: false,
            failures,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        self.next_offset >= self.journal_end
    }

    pub(super) fn minutes(&self) -> usize {
        self.fold.window().minutes()
    }

    pub(super) fn records(
        &mut self,
        tenant: &TenantId,
        records: &[Record],
        numbers: &mut Number,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Stop> {
        for record in records {
            if let Some(changed) = self.fold.apply(record)? {
                self.changed(tenant, changed, record, numbers, outputs);
            }
            if let Some(midnight) = self.fold.midnight() {
                self.day_ended(midnight, record);
            }
            self.next_offset = record.offset + 1;
        }
        // Whatever went wrong before did not go wrong again.
        self.failures = 0;
        self.forget_what_nobody_needs();
        self.regulate(tenant, numbers, outputs);
        Ok(())
    }

    fn changed(
        &mut self,
        tenant: &TenantId,
        changed: Changed,
        record: &Record,
        numbers: &mut Number,
        outputs: &mut Vec<Output>,
    ) {
        let Changed { alert_id, asked } = changed;
        // Nobody waits for the version before any more.
        self.waiting.remove(&alert_id);
        if let Some(request) = asked {
            self.waiting.insert(alert_id, *request);
        } else {
            let tombstone = NewRecord::tombstone(alert_id.to_string().into_bytes());
            let id = next(numbers);
            self.appends.insert(id, UnderWay { id, offset: record.offset, since: record.appended_at });
            outputs.push(Output::Append(tenant.clone(), id, vec![tombstone], None));
        }
    }

    /// Of a day before it that nobody was told of yet nobody has to be told any more.
    fn day_ended(&mut self, midnight: Timestamp, record: &Record) {
        let ended = self.fold.ended(midnight);
        if ended.is_empty() {
            return;
        }
        self.ended = Some(match self.ended.take() {
            Some(before) => Untold { ended, ..before },
            None => Untold { ended, first: midnight, offset: record.offset, since: record.appended_at },
        });
    }

    /// Whole days that no answer looks back to, now or later.
    fn forget_what_nobody_needs(&mut self) {
        let asked = self.waiting.values().filter_map(Request::from).min();
        let now = self.fold.watermark().map(reach_back);
        if let Some(limit) = now.map(|now| asked.map_or(now, |asked| asked.min(now))) {
            self.fold.forget_before(limit);
        }
    }

    pub(super) fn answered(
        &mut self,
        tenant: &TenantId,
        id: Number,
        answers: Option<Vec<AlertPreview>>,
        numbers: &mut Number,
        outputs: &mut Vec<Output>,
    ) {
        let Some((breadth, job)) = self.jobs.iter().find(|(_, job)| job.id == id) else { return };
        let (breadth, job) = (*breadth, *job);
        self.jobs.remove(&breadth);
        let answers = answers.unwrap_or_default().into_iter();
        let current =
            answers.filter(|answer| self.fold.known_version(answer.alert_id) == Some(answer.version));
        let records: Vec<NewRecord> = current.filter_map(|answer| record(Preview::Alert(answer))).collect();
        if !records.is_empty() {
            let append = UnderWay { id: next(numbers), ..job };
            self.appends.insert(append.id, append);
            outputs.push(Output::Append(tenant.clone(), append.id, records, Some(append.since)));
        }
        self.regulate(tenant, numbers, outputs);
    }

    pub(super) fn followed(
        &mut self,
        tenant: &TenantId,
        id: Number,
        said: Option<Vec<Said>>,
        numbers: &mut Number,
        outputs: &mut Vec<Output>,
    ) {
        let Some(job) = self.following.take_if(|following| following.id == id) else { return };
        for said in said.unwrap_or_default().chunks(SAID_TOGETHER) {
            let append = UnderWay { id: next(numbers), ..job };
            self.appends.insert(append.id, append);
            let records = said.iter().filter_map(record_of_user).collect();
            outputs.push(Output::Append(tenant.clone(), append.id, records, None));
        }
        self.regulate(tenant, numbers, outputs);
    }

    pub(super) fn acknowledged(&mut self, tenant: &TenantId, id: Number, outputs: &mut Vec<Output>) {
        self.appends.remove(&id);
        self.commit(tenant, outputs);
    }

    /// Begins what can be begun, commits what is done, and lets no more wait than there is room for.
    fn regulate(&mut self, tenant: &TenantId, numbers: &mut Number, outputs: &mut Vec<Output>) {
        let kept_longer = self.kept_longer();
        // While it catches up, most of what waits is about to have a newer version.
        if self.is_live() || self.waiting.len() >= MOST_WAITING / 2 || kept_longer >= MOST_KEPT_LONGER {
            for breadth in [Breadth::Few, Breadth::All] {
                if !self.jobs.contains_key(&breadth)
                    && let Some(job) = self.job(tenant, breadth, numbers)
                {
                    outputs.push(job);
                }
            }
        }
        self.follow(numbers, outputs);
        let kept_longer = self.kept_longer();
        let is_full = self.waiting.len() >= MOST_WAITING || kept_longer >= 2 * MOST_KEPT_LONGER;
        let has_room = self.waiting.len() < MOST_WAITING / 2 && kept_longer < 2 * MOST_KEPT_LONGER;
        if is_full && !self.is_paused {
            self.is_paused = true;
            outputs.push(Output::Pause(tenant.clone()));
        } else if has_room && self.is_paused {
            self.is_paused = false;
            outputs.push(Output::Resume(tenant.clone()));
        }
        self.commit(tenant, outputs);
    }

    /// One day after the other: while the journal is caught up with, once in a while.
    fn follow(&mut self, numbers: &mut Number, outputs: &mut Vec<Output>) {
        let is_live = self.is_live();
        let is_due = |untold: &mut Untold| is_live || untold.ended.to.since(untold.first) >= MOST_KEPT_LONGER;
        if self.following.is_none()
            && let Some(Untold { ended, offset, since, .. }) = self.ended.take_if(is_due)
        {
            let job = UnderWay { id: next(numbers), offset, since };
            self.fold.told(ended.to);
            self.following = Some(job);
            outputs.push(Output::Follow(job.id, ended));
        }
    }

    /// For how long minutes are kept only because of changes that wait, microseconds of event time.
    fn kept_longer(&self) -> i64 {
        let asked = self.waiting.values().filter_map(Request::from).min();
        let kept = asked.max(self.fold.window().from().filter(|_| asked.is_some()));
        let now = self.fold.watermark().map(reach_back);
        now.zip(kept).map_or(0, |(now, kept)| now.since(kept).max(0))
    }

    /// The changes that have waited longest, as many as are answered together.
    fn job(&mut self, tenant: &TenantId, breadth: Breadth, numbers: &mut Number) -> Option<Output> {
        let (chosen, only) = choose(&self.waiting, breadth);
        let requests: Vec<Request> = chosen.iter().filter_map(|alert| self.waiting.remove(alert)).collect();
        let first = requests.first()?;
        let job = UnderWay { id: next(numbers), offset: first.offset, since: first.appended_at };
        self.jobs.insert(breadth, job);
        let (tenant, window) = (tenant.clone(), self.fold.window().clone());
        Some(Output::Answer(job.id, breadth, Job { tenant, window, requests, only }))
    }

    pub(super) fn done(&self) -> u64 {
        let waiting = self.waiting.values().map(|request| request.offset);
        let under_way = self.jobs.values().chain(self.appends.values()).map(|under_way| under_way.offset);
        let untold = self.ended.iter().map(|untold| untold.offset);
        let following = self.following.iter().map(|following| following.offset);
        waiting
            .chain(under_way)
            .chain(untold)
            .chain(following)
            .min()
            .unwrap_or(self.next_offset)
            .min(self.next_offset)
    }

    fn commit(&mut self, tenant: &TenantId, outputs: &mut Vec<Output>) {
        let done = self.done();
        if done > self.committed {
            self.committed = done;
            outputs.push(Output::Commit(tenant.clone(), done));
        }
    }
}

/// Alerts of that breadth by the offsets of their changes, and the symbols that they need together; none: all.
fn choose(waiting: &BTreeMap<AlertId, Request>, breadth: Breadth) -> (Vec<AlertId>, Option<Vec<Symbol>>) {
    let mut by_offset: VecDeque<&Request> =
        waiting.values().filter(|request| request.only.is_some() == (breadth == Breadth::Few)).collect();
    by_offset.make_contiguous().sort_unstable_by_key(|request| request.offset);
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut chosen = Vec::new();
    for request in by_offset {
        let new = request.only.iter().flatten().filter(|symbol| !symbols.contains(symbol));
        let new: Vec<Symbol> = new.cloned().collect();
        if chosen.len() == TOGETHER || (!chosen.is_empty() && symbols.len() + new.len() > FEW_SYMBOLS) {
            break;
        }
        symbols.extend(new);
        chosen.push(request.change.alert_id);
    }
    (chosen, (breadth == Breadth::Few).then_some(symbols))
}

fn record_of_user((user, said): &Said) -> Option<NewRecord> {
    match said {
        Some(followed) => record(Preview::User(followed.clone())),
        None => Some(NewRecord::tombstone(UserFollowed::key_of(*user).into_bytes())),
    }
}

/// An answer has nothing in it that its schema cannot hold.
fn record(answer: Preview) -> Option<NewRecord> {
    let value = codec::encode_preview(&answer);
    if let Err(error) = &value {
        tracing::error!(tenant.id = %answer.tenant(), %error, "an answer cannot be written: this is a bug");
    }
    Some(NewRecord { key: answer.key().into_bytes(), value: value.ok()? })
}

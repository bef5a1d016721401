//! What a member of the group decides, without IO: inputs in, outputs out. The thread in `drive` performs them, tests play
//! them.
//!
//! The contract: a journal's offset is committed once everything that was to be answered before it is in the previews
//! topic, or nobody waits for it any more, because the alert has a newer version or is gone. So the topic
//! has in the end what follows from the journal: of each alert that is watched its version's answer, and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::previews::AlertPreview;
use bellwether_schemas::{AlertId, Symbol, TenantId, Timestamp, codec};

use crate::answer::{Job, Request};
use crate::fold::{Changed, Fold, Stop};
use crate::window::reach_back;

/// Most changes that one play of the minutes answers.
const TOGETHER: usize = 256;
/// Most symbols of changes that are answered together, where not all symbols are needed anyway.
const FEW_SYMBOLS: usize = 3;
/// Changes that may wait for their answers before the tenant's journal is paused.
pub const MOST_WAITING: usize = 4_096;
/// Between tries to find a state to go on from.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// Names one recovery, job or append of this process.
pub type Number = u64;

/// Which of a tenant's two jobs: those that need few symbols do not wait for those that need all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// A few symbols.
    Few,
    /// All of them.
    All,
}

/// What happened since the last step.
#[derive(Debug)]
pub enum Input {
    /// The tenant is this member's.
    Assigned(TenantId),
    /// A state was found and folded to where the group stood, or why not.
    Recovered(TenantId, Number, Result<Box<Recovered>, String>),
    /// Records of its journal, in order.
    Records(TenantId, Vec<Record>),
    /// The answers of a job; none: it was of no use.
    Answered(TenantId, Number, Option<Vec<AlertPreview>>),
    /// The append is in the log.
    Acknowledged(TenantId, Number),
    /// What it was given cannot be used any more: it is found out anew.
    Lost(TenantId, String),
    /// The tenant is another's.
    Revoked(TenantId),
}

/// A fold that stands where the group stood.
#[derive(Debug)]
pub struct Recovered {
    /// The fold.
    pub fold: Fold,
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// Where the journal ended meanwhile: what is before it is caught up with first.
    pub journal_end: u64,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Find a state to go on from, after that wait.
    Recover(TenantId, Number, Duration),
    /// Read the journal from there on.
    ReadFrom(TenantId, u64),
    /// Answer these beside the thread that reads.
    Answer(Number, Breadth, Job),
    /// Append these to the previews topic; `since` is when the oldest change was appended that they answer.
    Append(TenantId, Number, Vec<NewRecord>, Option<Timestamp>),
    /// Everything before that offset is done.
    Commit(TenantId, u64),
    /// No more records for now.
    Pause(TenantId),
    /// Records again.
    Resume(TenantId),
    /// The tenant stands, for this reason, until the next try.
    Stopped(TenantId, String),
}

impl Output {
    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Answer(_, _, job) => &job.tenant,
            Self::Recover(tenant, ..)
            | Self::ReadFrom(tenant, _)
            | Self::Append(tenant, ..)
            | Self::Commit(tenant, _)
            | Self::Pause(tenant)
            | Self::Resume(tenant)
            | Self::Stopped(tenant, _) => tenant,
        }
    }
}

/// All tenants of this member.
#[derive(Debug, Default)]
pub struct Core {
    tenants: BTreeMap<TenantId, Tenant>,
    numbers: Number,
}

#[derive(Debug)]
enum Tenant {
    Recovering { id: Number, tries: u32 },
    Owned(Box<Owned>),
}

/// A tenant whose journal is folded.
#[derive(Debug)]
struct Owned {
    fold: Fold,
    next_offset: u64,
    journal_end: u64,
    waiting: BTreeMap<AlertId, Request>,
    jobs: BTreeMap<Breadth, UnderWay>,
    appends: BTreeMap<Number, UnderWay>,
    committed: u64,
    is_paused: bool,
    failures: u32,
}

/// Something that has to end before what lies behind it is committed.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    id: Number,
    /// The smallest journal offset that it is about.
    offset: u64,
    since: Timestamp,
}

impl Core {
    /// Takes in what happened and says what to do.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Assigned(tenant) => self.recover(tenant, 0, outputs),
            Input::Recovered(tenant, id, found) => self.recovered(tenant, id, found, outputs),
            Input::Records(tenant, records) => self.records(tenant, records, outputs),
            Input::Answered(tenant, id, answers) => {
                self.with(&tenant, |owned, numbers| owned.answered(&tenant, id, answers, numbers, outputs));
            }
            Input::Acknowledged(tenant, id) => {
                self.with(&tenant, |owned, _| owned.acknowledged(&tenant, id, outputs));
            }
            Input::Lost(tenant, reason) => self.stop(tenant, reason, outputs),
            Input::Revoked(tenant) => drop(self.tenants.remove(&tenant)),
        }
    }

    /// Where the group stands with the tenant: everything before is done.
    #[must_use]
    pub fn done(&self, tenant: &TenantId) -> Option<u64> {
        match self.tenants.get(tenant)? {
            Tenant::Owned(owned) => Some(owned.done()),
            Tenant::Recovering { .. } => None,
        }
    }

    /// Tenants whose journals are folded, and whether each has caught up with what was there when it began.
    pub fn folded(&self) -> impl Iterator<Item = (&TenantId, bool)> {
        self.tenants.iter().filter_map(|(tenant, state)| match state {
            Tenant::Owned(owned) => Some((tenant, owned.is_live())),
            Tenant::Recovering { .. } => None,
        })
    }

    fn with(&mut self, tenant: &TenantId, act: impl FnOnce(&mut Owned, &mut Number)) {
        let Self { tenants, numbers } = self;
        if let Some(Tenant::Owned(owned)) = tenants.get_mut(tenant) {
            act(owned, numbers);
        }
    }

    fn recover(&mut self, tenant: TenantId, tries: u32, outputs: &mut Vec<Output>) {
        let id = next(&mut self.numbers);
        let wait = if tries == 0 { Duration::ZERO } else { RETRY.after(tries) };
        outputs.push(Output::Pause(tenant.clone()));
        outputs.push(Output::Recover(tenant.clone(), id, wait));
        self.tenants.insert(tenant, Tenant::Recovering { id, tries });
    }

    fn recovered(
        &mut self,
        tenant: TenantId,
        id: Number,
        found: Result<Box<Recovered>, String>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(Tenant::Recovering { id: asked, tries }) = self.tenants.get(&tenant) else { return };
        if *asked != id {
            return;
        }
        let tries = *tries;
        match found {
            Ok(recovered) => {
                let owned = Owned::new(*recovered, tries);
                outputs.push(Output::ReadFrom(tenant.clone(), owned.next_offset));
                self.tenants.insert(tenant, Tenant::Owned(Box::new(owned)));
            }
            Err(reason) => {
                outputs.push(Output::Stopped(tenant.clone(), reason));
                self.recover(tenant, tries + 1, outputs);
            }
        }
    }

    fn records(&mut self, tenant: TenantId, records: Vec<Record>, outputs: &mut Vec<Output>) {
        let Self { tenants, numbers } = self;
        let Some(Tenant::Owned(owned)) = tenants.get_mut(&tenant) else { return };
        match owned.records(&tenant, &records, numbers, outputs) {
            Ok(()) => {}
            Err(Stop::Halted(reason)) => self.stop(tenant, reason, outputs),
            Err(Stop::Decided) => self.recover(tenant, 0, outputs),
        }
    }

    /// What is under way for it is forgotten: it lies behind what is committed.
    fn stop(&mut self, tenant: TenantId, reason: String, outputs: &mut Vec<Output>) {
        let tries = match self.tenants.get(&tenant) {
            Some(Tenant::Owned(owned)) => owned.failures,
            Some(Tenant::Recovering { .. }) | None => return,
        };
        outputs.push(Output::Stopped(tenant.clone(), reason));
        self.recover(tenant, tries + 1, outputs);
    }
}

fn next(numbers: &mut Number) -> Number {
    *numbers += 1;
    *numbers
}

impl Owned {
    fn new(recovered: Recovered, failures: u32) -> Self {
        let Recovered { fold, next_offset, journal_end } = recovered;
        Self {
            fold,
            next_offset,
            journal_end,
            waiting: BTreeMap::new(),
            jobs: BTreeMap::new(),
            appends: BTreeMap::new(),
            committed: next_offset,
            is_paused: false,
            failures,
        }
    }

    const fn is_live(&self) -> bool {
        self.next_offset >= self.journal_end
    }

    fn records(
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

    /// Whole days that no answer looks back to, now or later.
    fn forget_what_nobody_needs(&mut self) {
        let asked = self.waiting.values().filter_map(Request::from).min();
        let now = self.fold.watermark().map(reach_back);
        if let Some(limit) = now.map(|now| asked.map_or(now, |asked| asked.min(now))) {
            self.fold.forget_before(limit);
        }
    }

    fn answered(
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
        let records: Vec<NewRecord> = current.filter_map(|answer| record(&answer)).collect();
        if !records.is_empty() {
            let append = UnderWay { id: next(numbers), ..job };
            self.appends.insert(append.id, append);
            outputs.push(Output::Append(tenant.clone(), append.id, records, Some(append.since)));
        }
        self.regulate(tenant, numbers, outputs);
    }

    fn acknowledged(&mut self, tenant: &TenantId, id: Number, outputs: &mut Vec<Output>) {
        self.appends.remove(&id);
        self.commit(tenant, outputs);
    }

    /// Begins what can be begun, commits what is done, and lets no more wait than there is room for.
    fn regulate(&mut self, tenant: &TenantId, numbers: &mut Number, outputs: &mut Vec<Output>) {
        // While it catches up, most of what waits is about to have a newer version.
        if self.is_live() || self.waiting.len() >= MOST_WAITING / 2 {
            for breadth in [Breadth::Few, Breadth::All] {
                if !self.jobs.contains_key(&breadth)
                    && let Some(job) = self.job(tenant, breadth, numbers)
                {
                    outputs.push(job);
                }
            }
        }
        let is_full = self.waiting.len() >= MOST_WAITING;
        let has_room = self.waiting.len() < MOST_WAITING / 2;
        if is_full && !self.is_paused {
            self.is_paused = true;
            outputs.push(Output::Pause(tenant.clone()));
        } else if has_room && self.is_paused {
            self.is_paused = false;
            outputs.push(Output::Resume(tenant.clone()));
        }
        self.commit(tenant, outputs);
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

    fn done(&self) -> u64 {
        let waiting = self.waiting.values().map(|request| request.offset);
        let under_way = self.jobs.values().chain(self.appends.values()).map(|under_way| under_way.offset);
        waiting.chain(under_way).min().unwrap_or(self.next_offset).min(self.next_offset)
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

/// An answer has nothing in it that its schema cannot hold.
fn record(answer: &AlertPreview) -> Option<NewRecord> {
    let value = codec::encode_preview(answer);
    if let Err(error) = &value {
        tracing::error!(tenant.id = %answer.tenant, %error, "an answer cannot be written: this is a bug");
    }
    Some(NewRecord { key: answer.key().into_bytes(), value: value.ok()? })
}

//! Tails every tenant's topics into the page's state. It reads apart from any group and commits nothing.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_runtime::log::{Log, LogError, Reader, Record};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::readings::{Reading, ReadingRecord};
use bellwether_schemas::ticks::TickBlock;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{Entry, TenantId, Timeframe, Timestamp, Topic, TopicKind, codec, price};

use crate::live::{LiveState, Quote};

/// Records of the past that are read at the start: two hours of one-minute bars and their indicators for 33
/// symbols with room for the longer timeframes; a few seconds of ticks; what the page keeps of triggers.
const CATCH_UP: [(TopicKind, u64); 3] =
    [(TopicKind::Journal, 500), (TopicKind::Readings, 12_000), (TopicKind::Triggers, 200)];
/// Most records of a topic in one turn.
const TURN: usize = 512;
/// How long a turn waits for the journal.
const WAIT: Duration = Duration::from_millis(50);
/// How long it waits when the journal is not there yet or cannot be read.
const RETRY: Duration = Duration::from_millis(200);

/// The threads that read, one a tenant.
#[derive(Debug)]
pub struct Observer(Vec<JoinHandle<()>>);

impl Observer {
    /// Reads until `shutdown` is raised. Ticks, bars and triggers that come from now on are counted; what is read
    /// to catch up is not.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(log: &Arc<dyn Log>, live: &LiveState, shutdown: &Shutdown) -> io::Result<Self> {
        let start = |tenant: &TenantId| {
            let observed =
                Observed { tenant: tenant.clone(), live: live.clone(), first_tick: OnceCell::new() };
            let tails = CATCH_UP.map(|(kind, past)| Tail::new(&**log, Topic::new(tenant, kind), past));
            let (log, shutdown) = (Arc::clone(log), shutdown.clone());
            std::thread::Builder::new()
                .name(format!("observe-{tenant}"))
                .spawn(move || observed.run(tails, &*log, &shutdown))
        };
        Ok(Self(live.tenants().iter().map(start).collect::<io::Result<_>>()?))
    }

    /// Waits for the threads; raise the shutdown first.
    pub fn join(self) {
        for thread in self.0 {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Observed {
    tenant: TenantId,
    live: LiveState,
    /// From here on closes are a line a minute; history before it is published as its newest bars only.
    first_tick: OnceCell<Timestamp>,
}

impl Observed {
    fn run(&self, mut tails: [Tail; 3], log: &dyn Log, shutdown: &Shutdown) {
        while !shutdown.is_raised() {
            for tail in &mut tails {
                let waits = tail.topic.kind == TopicKind::Journal;
                for (record, new) in tail.read(log, if waits { WAIT } else { Duration::ZERO }) {
                    self.take(tail.topic.kind, &record, new);
                }
                if waits && tail.reader.is_none() {
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    /// Shows a record, unless it is another tenant's or none at all: the worker puts those aside.
    fn take(&self, kind: TopicKind, record: &Record, new: bool) {
        let value = &record.value;
        match kind {
            TopicKind::Journal => {
                if let Ok(entry) = record.entry(&self.tenant) {
                    self.entry(&entry, new);
                }
            }
            TopicKind::Readings => match codec::decode_reading(value) {
                Ok(record) if record.tenant == self.tenant => self.reading(&record, new),
                _ => {}
            },
            TopicKind::Triggers => match codec::decode_outcome(value) {
                Ok(Outcome::Fired(trigger)) if trigger.tenant == self.tenant => {
                    self.live.trigger(&self.tenant, &trigger);
                    self.live.count(&self.tenant, |counts| counts.triggers += u64::from(new));
                }
                _ => {}
            },
            TopicKind::Previews | TopicKind::Snapshots | TopicKind::DeadLetters => {}
        }
    }

    fn entry(&self, entry: &Entry, new: bool) {
        if let Entry::Ticks(block) = entry {
            if let Some(tick) = block.ticks.first() {
                let _ = self.first_tick.set(tick.ts);
            }
            self.live.quotes(&self.tenant, last_quotes(block));
            let ticks = if new { block.ticks.len() as u64 } else { 0 };
            self.live.count(&self.tenant, |counts| counts.ticks += ticks);
        }
        if let Some(time) = shown_time(entry) {
            self.live.event_time(&self.tenant, time);
        }
    }

    fn reading(&self, record: &ReadingRecord, new: bool) {
        match record.reading() {
            Ok(Reading::Bar(bar)) => {
                self.live.count(&self.tenant, |counts| counts.bars += u64::from(new));
                let is_live = self.first_tick.get().is_some_and(|first| bar.close_time > *first);
                if bar.timeframe == Timeframe::M1 && is_live {
                    self.live.close(&self.tenant, bar.symbol.as_str(), bar.close);
                }
            }
            Ok(Reading::Indicators(reading)) => {
                self.live.rsi(&self.tenant, reading.symbol.as_str(), reading.timeframe, reading.rsi14);
            }
            _ => {}
        }
    }
}

/// The last tick of each symbol of the block.
fn last_quotes(block: &TickBlock) -> impl Iterator<Item = Quote<'_>> {
    let mut last = vec![None; block.symbols.len()];
    for tick in &block.ticks {
        if let Some(place) = last.get_mut(usize::from(tick.symbol)) {
            *place = Some(tick.bid);
        }
    }
    block.symbols.iter().zip(last).filter_map(|(symbol, bid)| {
        let bid = price::value(bid?, symbol.scale);
        bid.is_finite().then_some(Quote { symbol: &symbol.name, bid, digits: symbol.scale })
    })
}

/// The last tick's time rather than the largest: one tick from the future is gone with the next.
fn shown_time(entry: &Entry) -> Option<Timestamp> {
    match entry {
        Entry::Ticks(block) => block.ticks.last().map(|tick| tick.ts),
        other => other.event_time(),
    }
}

/// One topic, read from near its end.
struct Tail {
    topic: Topic,
    catch_up: u64,
    reader: Option<Box<dyn Reader>>,
    /// The first offset that is news.
    counted_from: u64,
    complained: bool,
}

impl Tail {
    /// What the topic holds now is the past; of a topic that does not exist yet, nothing is.
    fn new(log: &dyn Log, topic: Topic, catch_up: u64) -> Self {
        let counted_from = log.bounds(&topic).map_or(0, |bounds| bounds.next);
        Self { topic, catch_up, reader: None, counted_from, complained: false }
    }

    /// The next records, each with whether it is news. What cannot be read is skipped over by starting again
    /// near the end.
    fn read(&mut self, log: &dyn Log, wait: Duration) -> Vec<(Record, bool)> {
        match self.try_read(log, wait) {
            Ok(records) => records.into_iter().map(|record| self.news(record)).collect(),
            Err(LogError::UnknownTopic { .. }) => Vec::new(),
            Err(error) => {
                self.reader = None;
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(tenant.id = %self.topic.tenant, log.topic = %self.topic, error = %error,
                        "the page cannot read a topic and tries again");
                }
                Vec::new()
            }
        }
    }

    fn try_read(&mut self, log: &dyn Log, wait: Duration) -> Result<Vec<Record>, LogError> {
        if self.reader.is_none() {
            let bounds = log.bounds(&self.topic)?;
            let from = bounds.next.saturating_sub(self.catch_up).max(bounds.start);
            self.reader = Some(log.reader(&self.topic, from)?);
        }
        match &mut self.reader {
            Some(reader) => reader.read(TURN, wait),
            None => Ok(Vec::new()),
        }
    }

    /// Counted once, also when it is read again.
    fn news(&mut self, record: Record) -> (Record, bool) {
        let new = record.offset >= self.counted_from;
        self.counted_from = self.counted_from.max(record.offset + 1);
        (record, new)
    }
}

#[cfg(test)]
mod tests;

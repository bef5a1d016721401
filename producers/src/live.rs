//! From a live source into a tenant's journal: blocks of what came within 5 ms, and a heartbeat each second.

use std::collections::VecDeque;
use std::time::Duration;

use bellwether_schemas::{TenantId, Timestamp};

use crate::blocks::Blocks;
use crate::error::ProducerError;
use crate::events::Started;
use crate::output::{HEARTBEAT_EVERY, Output};
use crate::publish::{Identity, Publisher};
use crate::run::{Ended, LONGEST_WAIT, ProducerContext, Summary};
use crate::sources::NumberedQuote;
use crate::sources::live::LiveQuotes;

/// What of a live source leaves when. Decides; performs nothing. The time is that of the wall, and given.
#[derive(Debug)]
pub struct LivePace {
    blocks: Blocks,
    last_heartbeat: Timestamp,
    ready: VecDeque<Output>,
}

impl LivePace {
    /// The first heartbeat is due a second after `wall`.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self { blocks: Blocks::default(), last_heartbeat: wall, ready: VecDeque::with_capacity(4) }
    }

    /// Takes a quote that was received now. What was due before goes before it.
    pub fn take(&mut self, quote: NumberedQuote, wall: Timestamp) {
        self.keep_time(wall);
        let before = self.blocks.push(quote, wall);
        self.ready.extend(before.map(|block| Output::Ticks(block, wall)));
        if self.blocks.is_full() {
            self.flush(wall);
        }
    }

    /// Sends what is due: a block 5 ms after its first tick; a heartbeat a second after the last, behind everything
    /// that was received before it, because it says that the source is complete up to then.
    pub fn keep_time(&mut self, wall: Timestamp) {
        if wall.since(self.last_heartbeat) >= HEARTBEAT_EVERY {
            self.flush(wall);
            self.ready.push_back(Output::Heartbeat(wall));
            self.last_heartbeat = wall;
        } else if self.blocks.deadline().is_some_and(|deadline| deadline <= wall) {
            self.flush(wall);
        }
    }

    /// Sends what is buffered, due or not: before a stop.
    pub fn flush(&mut self, wall: Timestamp) {
        let block = self.blocks.take();
        self.ready.extend(block.map(|block| Output::Ticks(block, wall)));
    }

    /// What is to be published next.
    pub fn next_output(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    /// When [`Self::keep_time`] has something to do even if no quote comes.
    #[must_use]
    pub fn wake(&self) -> Timestamp {
        let heartbeat = self.last_heartbeat.plus(HEARTBEAT_EVERY);
        self.blocks.deadline().map_or(heartbeat, |deadline| deadline.min(heartbeat))
    }
}

/// A live source whose quotes go into a tenant's journal.
#[derive(Debug)]
pub struct LiveRun {
    /// The tenant into whose journal the quotes go.
    pub tenant: TenantId,
    /// The source's name in it.
    pub source: String,
    /// The client's run, in which the numbers of quotes rise.
    pub session: String,
    /// The symbols, by the place that quotes name.
    pub names: Vec<String>,
    /// What the source pushes.
    pub quotes: LiveQuotes,
}

/// Publishes what the source pushes until it ends or a stop is asked for. Heartbeats go on as long as the source is
/// there: one that lost its connection has to end, or to say nothing complete.
///
/// # Errors
/// The log cannot be written.
pub async fn run_live(ctx: &ProducerContext, run: LiveRun) -> Result<Summary, ProducerError> {
    let LiveRun { tenant, source, session, names, quotes } = run;
    Started { tenant: &tenant, source: &source, session: &session, resumed: false }.emit();
    let mut live = Live {
        publisher: Publisher::new(ctx, &tenant, Identity::live(&source, &session)),
        names,
        pace: LivePace::new(ctx.clock.now()),
        summary: Summary::new(),
    };
    let ended = live.feed(ctx, quotes).await;
    live.publisher.drain().await?;
    live.summary.ended = ended?;
    Ok(live.summary.told(&tenant, &source))
}

/// Performs what the pace decides.
struct Live {
    publisher: Publisher,
    names: Vec<String>,
    pace: LivePace,
    summary: Summary,
}

impl Live {
    async fn feed(&mut self, ctx: &ProducerContext, mut quotes: LiveQuotes) -> Result<Ended, ProducerError> {
        loop {
            self.pace.keep_time(ctx.clock.now());
            self.publish().await?;
            let wait = u64::try_from(self.pace.wake().since(ctx.clock.now())).unwrap_or(0);
            let ended = tokio::select! {
                biased;
                () = ctx.shutdown.raised() => Some(Ended::Stop),
                quote = quotes.recv() => match quote {
                    Some(quote) => {
                        self.pace.take(quote, ctx.clock.now());
                        None
                    }
                    None => Some(Ended::Source),
                },
                () = tokio::time::sleep(Duration::from_micros(wait).min(LONGEST_WAIT)) => None,
            };
            if let Some(ended) = ended {
                self.pace.flush(ctx.clock.now());
                self.publish().await?;
                return Ok(ended);
            }
        }
    }

    /// Hands over what is ready and waits until the log has it; meanwhile quotes wait in their channel.
    async fn publish(&mut self) -> Result<(), ProducerError> {
        while let Some(output) = self.pace.next_output() {
            self.summary.count(&output);
            self.publisher.publish_output(output, &self.names).await?;
        }
        self.publisher.drain().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Quote;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis * 1000)
    }

    /// Quotes received at these times of the wall; `t` = ticks of a block, `h` = heartbeat, behind the time it left.
    fn said(received: &[i64], until: i64) -> String {
        let (mut pace, mut said) = (LivePace::new(at(0)), Vec::new());
        let mut tell = |pace: &mut LivePace, wall: Timestamp| {
            while let Some(output) = pace.next_output() {
                let what = match output {
                    Output::Ticks(block, clock) => format!("t{}@{}", block.ticks.len(), clock.0 / 1000),
                    Output::Heartbeat(ts) => format!("h{}", ts.0 / 1000),
                };
                said.push(format!("{}:{what}", wall.0 / 1000));
            }
        };
        let mut quotes = (0..).zip(received).peekable();
        loop {
            let next = quotes.peek().map_or(Timestamp::MAX, |(_, millis)| at(**millis));
            let wall = next.min(pace.wake());
            if wall > at(until) {
                break;
            }
            match quotes.next_if(|(_, millis)| at(**millis) == wall) {
                Some((seq, _)) => {
                    let quote =
                        Quote { ts: wall, symbol: 0, bid: 1, ask: 1, scale: 0, judged: false, spacing: None };
                    pace.take(NumberedQuote { seq, quote, line: None }, wall);
                }
                None => pace.keep_time(wall),
            }
            tell(&mut pace, wall);
        }
        said.join(" ")
    }

    #[test]
    fn what_is_received_within_5_ms_shares_a_block() {
        // The first waits until 15; what is received at that moment is not among it.
        assert_eq!(said(&[10, 12, 14, 15, 30], 40), "15:t3@15 20:t1@20 35:t1@35");
    }

    #[test]
    fn each_second_has_a_heartbeat_behind_what_was_received_before_it() {
        assert_eq!(said(&[998, 1_001], 2_010), "1000:t1@1000 1000:h1000 1006:t1@1006 2000:h2000");
    }

    #[test]
    fn a_full_block_waits_for_nothing() {
        assert_eq!(said(&[7; 257], 20), "7:t256@7 12:t1@12");
    }
}

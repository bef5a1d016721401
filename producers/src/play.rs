//! The played clock: which record of a source is to be published next, and when. Decides; performs nothing.

use std::collections::VecDeque;

use bellwether_schemas::Timestamp;

use crate::blocks::Blocks;
use crate::error::InputError;
use crate::output::{HEARTBEAT_EVERY, Output};
use crate::timeline::Event;

/// How fast event time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f64);

impl Speed {
    /// As fast as possible.
    pub const FREE: Self = Self(0.0);

    /// So many seconds of event time a second; 0 is as fast as possible. None for what is not a finite number of
    /// 0 or more.
    #[must_use]
    pub fn new(times: f64) -> Option<Self> {
        (times.is_finite() && times >= 0.0).then_some(Self(times))
    }

    fn is_free(self) -> bool {
        self.0 == 0.0
    }
}

/// What stands at the end of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// Nothing: the source is of the past.
    None,
    /// The present: event time that meets wall time goes on with it.
    Present,
}

/// Event time as a function of wall time, from the first event on.
#[derive(Debug, Clone, Copy)]
struct Pace {
    speed: Speed,
    horizon: Horizon,
    start: Option<(Timestamp, Timestamp)>,
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "microseconds of a pace"
    )]
    fn now(&mut self, first: Timestamp, wall: Timestamp) -> Timestamp {
        let (event, from) = *self.start.get_or_insert((first, wall));
        let paced = if self.speed.is_free() {
            Timestamp::MAX
        } else {
            event.plus((wall.since(from) as f64 * self.speed.0) as i64)
        };
        match self.horizon {
            Horizon::None => paced,
            Horizon::Present => paced.min(wall),
        }
    }

    /// The first wall time at which `ts` is due.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "microseconds of a pace"
    )]
    fn wall_of(&self, ts: Timestamp) -> Timestamp {
        let paced = match self.start {
            Some((event, from)) if !self.speed.is_free() => {
                from.plus((ts.since(event) as f64 / self.speed.0).ceil() as i64)
            }
            _ => Timestamp::MIN,
        };
        match self.horizon {
            Horizon::None => paced,
            Horizon::Present => paced.max(ts),
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Something to be published now.
    Publish(Output),
    /// Nothing is due before that wall time.
    WaitUntil(Timestamp),
    /// The source has ended and everything is published.
    Done,
}

/// Plays the events of a source.
pub struct Player<E> {
    events: E,
    ahead: Option<Event>,
    pace: Pace,
    blocks: Blocks,
    ready: VecDeque<Output>,
    clock: Timestamp,
    last_beat: Option<Timestamp>,
}

impl<E: Iterator<Item = Result<Event, InputError>>> Player<E> {
    /// Plays `events`, the first at once.
    pub fn new(events: E, speed: Speed, horizon: Horizon) -> Self {
        Self {
            events,
            ahead: None,
            pace: Pace { speed, horizon, start: None },
            blocks: Blocks::default(),
            ready: VecDeque::with_capacity(2),
            clock: Timestamp::MIN,
            last_beat: None,
        }
    }

    /// What is to be done at this wall time.
    ///
    /// # Errors
    /// The source cannot be read on.
    pub fn step(&mut self, wall: Timestamp) -> Result<Step, InputError> {
        let mut now = Timestamp::MIN;
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Ok(Step::Publish(output));
            }
            if self.ahead.is_none() {
                self.ahead = self.events.next().transpose()?;
            }
            let Some(event) = self.ahead else {
                self.flush();
                return Ok(self.ready.pop_front().map_or(Step::Done, Step::Publish));
            };
            if now == Timestamp::MIN {
                now = self.pace.now(event.ts(), wall);
            }
            if event.ts() <= now {
                self.ahead = None;
                self.play(event, wall);
                self.keep_time(wall, None);
            } else if !self.keep_time(wall, Some(now)) {
                return Ok(Step::WaitUntil(self.wake(event)));
            }
        }
    }

    /// What is buffered, to be published before a stop.
    pub fn drain(&mut self) -> Vec<Output> {
        self.flush();
        self.ready.drain(..).collect()
    }

    fn play(&mut self, event: Event, wall: Timestamp) {
        match event {
            Event::Tick(tick) => {
                // The clock moves only after the ticks before this one have left with it.
                let before = self.blocks.push(tick, wall);
                self.ready.extend(before.map(|block| Output::Ticks(block, self.clock)));
                self.clock = self.clock.max(tick.quote.ts);
                if self.blocks.is_full() {
                    self.flush();
                }
            }
            Event::Beat(ts) => self.beat(ts, wall),
        }
    }

    /// Sends what is due by the wall's clock: a block of 5 ms, a heartbeat a second at a speed or when all that
    /// is due has been played (`idle`). True when there was something.
    fn keep_time(&mut self, wall: Timestamp, idle: Option<Timestamp>) -> bool {
        let paced = !self.pace.speed.is_free() || idle.is_some();
        let last = *self.last_beat.get_or_insert(wall);
        if paced && wall.since(last) >= HEARTBEAT_EVERY {
            self.beat(idle.unwrap_or(self.clock), wall);
        } else if paced && self.blocks.deadline().is_some_and(|deadline| deadline <= wall) {
            self.flush();
        }
        !self.ready.is_empty()
    }

    fn wake(&self, event: Event) -> Timestamp {
        let next = self.pace.wall_of(event.ts()).min(self.blocks.deadline().unwrap_or(Timestamp::MAX));
        self.last_beat.map_or(next, |beat| next.min(beat.plus(HEARTBEAT_EVERY)))
    }

    fn beat(&mut self, ts: Timestamp, wall: Timestamp) {
        self.flush();
        self.clock = self.clock.max(ts);
        self.last_beat = Some(wall);
        self.ready.push_back(Output::Heartbeat(ts));
    }

    fn flush(&mut self) {
        let block = self.blocks.take();
        self.ready.extend(block.map(|block| Output::Ticks(block, self.clock)));
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::SECOND;

    use super::*;
    use crate::sources::{NumberedQuote, Quote};
    use crate::timeline::Timeline;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis * 1000)
    }

    fn player(
        millis: &[i64],
        speed: f64,
        horizon: Horizon,
    ) -> Player<impl Iterator<Item = Result<Event, InputError>>> {
        let quote = |ts| Quote { ts, symbol: 0, bid: 1, ask: 1, scale: 0, judged: false, spacing: None };
        let ticks: Vec<_> = (0..)
            .zip(millis)
            .map(|(seq, ts)| Ok(NumberedQuote { seq, quote: quote(at(*ts)), line: None }))
            .collect();
        Player::new(Timeline::new(ticks.into_iter(), 2 * SECOND), Speed::new(speed).unwrap(), horizon)
    }

    /// Plays with a wall clock that jumps to whatever is waited for; `t` = ticks of a block, `b` = heartbeat.
    fn play(
        mut player: Player<impl Iterator<Item = Result<Event, InputError>>>,
        mut wall: Timestamp,
        until: Timestamp,
    ) -> String {
        let mut said = Vec::new();
        while wall <= until {
            match player.step(wall).unwrap() {
                Step::Publish(Output::Ticks(block, clock)) => {
                    said.push(format!("{}:t{}@{}", wall.0 / 1000, block.ticks.len(), clock.0 / 1000));
                }
                Step::Publish(Output::Heartbeat(ts)) => {
                    said.push(format!("{}:b{}", wall.0 / 1000, ts.0 / 1000))
                }
                Step::WaitUntil(next) => {
                    assert!(next > wall, "waiting must end later than {wall:?}");
                    wall = next;
                }
                Step::Done => break,
            }
        }
        said.join(" ")
    }

    #[test]
    fn as_fast_as_possible_there_are_full_event_minutes_only() {
        let said = play(player(&[1_000, 2_000, 130_000], 0.0, Horizon::None), at(0), at(1));
        assert_eq!(said, "0:t2@2000 0:b60000 0:b120000 0:t1@130000 0:b182000");
    }

    #[test]
    fn at_a_speed_each_second_of_the_wall_has_a_heartbeat_after_what_is_buffered() {
        // 10×: the tick at 35 s of event time is due at 3.5 s of wall time.
        let said = play(player(&[0, 35_000], 10.0, Horizon::None), at(0), at(3_600));
        let expected = "0:b0 5:t1@0 1000:b10000 2000:b20000 3000:b30000 3505:t1@35000";
        assert_eq!(said, expected);
    }

    #[test]
    fn what_came_within_5_ms_shares_a_block() {
        let said = play(player(&[1, 3, 5, 8, 9], 1.0, Horizon::None), at(0), at(20));
        // The first is due at once; 1 and 5 are 4 ms apart, 8 comes 7 ms after 1.
        assert_eq!(said, "5:t3@5 12:t2@9");
    }

    #[test]
    fn it_catches_up_with_the_present_and_goes_on_with_it() {
        let ticks = [1_000, 2_000, 9_000, 15_000, 18_000];
        let said = play(player(&ticks, 2.0, Horizon::Present), at(10_000), at(18_100));
        // Twice as fast from 1 s at wall 10 s: 2 s is due at 10.5, 9 s at 14 and 15 s at 17; both meet at 19 s, so
        // that 18 s is due at 18.5.
        let expected = "10005:t1@1000 10505:t1@2000 11000:b3000 12000:b5000 13000:b7000 14000:t1@9000 14000:b9000 \
            15000:b11000 16000:b13000 17000:t1@15000 17000:b15000 18000:b17000";
        assert_eq!(said, expected);
        let said = play(player(&[1_000, 12_000], 0.0, Horizon::Present), at(10_000), at(12_100));
        assert_eq!(said, "10005:t1@1000 11000:b11000 12000:t1@12000 12000:b12000");
    }
}

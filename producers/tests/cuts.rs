//! Whatever ticks come, however the wall's clock runs and wherever a run is cut: the same sequence, once.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy takes for production code")]

use bellwether_producers::blocks::MAX_WAIT;
use bellwether_producers::output::Output;
use bellwether_producers::play::{Horizon, Player, Speed, Step};
use bellwether_producers::resume::Position;
use bellwether_producers::sources::{NumberedQuote, Quote};
use bellwether_producers::timeline::Timeline;
use bellwether_schemas::Timestamp;
use bellwether_schemas::ticks::MAX_TICKS;
use bellwether_schemas::time::MINUTE;
use proptest::prelude::*;

const LATENESS: i64 = 2_000_000;

/// What is published from that position on until the source ends or `most` records are out, with the wall time
/// of each; the wall's clock is late by up to `lag` at every wait.
fn play(
    ticks: &[NumberedQuote],
    position: Position,
    speed: f64,
    lag: i64,
    most: usize,
) -> Vec<(Timestamp, Output)> {
    let events = Timeline::new(ticks.iter().copied().map(Ok), LATENESS).after(position);
    let mut player = Player::new(events, Speed::new(speed).unwrap(), Horizon::None);
    let (mut wall, mut out) = (Timestamp(1_000_000), Vec::new());
    while out.len() < most {
        match player.step(wall).unwrap() {
            Step::Publish(played) => out.push((wall, played)),
            Step::WaitUntil(until) => {
                assert!(until > wall);
                wall = until.plus(lag);
            }
            Step::Done => break,
        }
    }
    out
}

fn sequence(out: &[(Timestamp, Output)]) -> Vec<(u64, i64)> {
    let ticks = |(_, played): &(Timestamp, Output)| match played {
        Output::Ticks(block, _) => {
            (block.first_seq..).zip(block.ticks.iter().map(|tick| tick.ts.0)).collect()
        }
        Output::Heartbeat(_) => Vec::new(),
    };
    out.iter().flat_map(ticks).collect()
}

fn minutes(out: &[(Timestamp, Output)]) -> Vec<Timestamp> {
    let beat = |(_, played): &(Timestamp, Output)| match played {
        Output::Heartbeat(ts) if ts.floor(MINUTE) == *ts => Some(*ts),
        _ => None,
    };
    out.iter().filter_map(beat).collect()
}

fn position(out: &[(Timestamp, Output)]) -> Position {
    let beat = |(_, played): &(Timestamp, Output)| match played {
        Output::Heartbeat(ts) => Some(*ts),
        Output::Ticks(..) => None,
    };
    let last_seq = sequence(out).last().map(|(seq, _)| *seq);
    Position { last_seq, last_beat: out.iter().filter_map(beat).max() }
}

/// Mostly forward in time, sometimes back, with bursts and silences.
fn ticks() -> impl Strategy<Value = Vec<NumberedQuote>> {
    let step =
        prop_oneof![6 => 0..20_000i64, 3 => 0..40_000_000i64, 1 => -90_000_000..0i64, 1 => 0..400_000_000i64];
    prop::collection::vec((step, 0..3u16), 1..600).prop_map(|steps| {
        let mut ts = 1_580_000_000_000_000;
        let tick = |(seq, (step, symbol))| {
            ts += step;
            NumberedQuote {
                seq,
                quote: Quote {
                    ts: Timestamp(ts),
                    symbol,
                    bid: 100,
                    ask: 101,
                    scale: 2,
                    judged: false,
                    spacing: None,
                },
                line: None,
            }
        };
        (0..).zip(steps).map(tick).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cut_anywhere_leaves_no_gap_and_no_repeat(
        ticks in ticks(), cut in 0..2_000usize, lag in 0..50_000i64, pick in 0..3usize,
    ) {
        let speed = [0.0, 60.0, 7.5][pick];
        let whole = play(&ticks, Position::default(), 0.0, 0, usize::MAX);
        let mut out = play(&ticks, Position::default(), speed, lag, cut);
        out.extend(play(&ticks, position(&out), speed, lag, usize::MAX));
        prop_assert_eq!(sequence(&out), sequence(&whole));
        let expected: Vec<_> = ticks.iter().map(|tick| (tick.seq, tick.quote.ts.0)).collect();
        prop_assert_eq!(sequence(&whole), expected);
        let mut kept = minutes(&out);
        kept.retain(|minute| minutes(&whole).contains(minute));
        prop_assert_eq!(kept, minutes(&whole), "each full minute is announced once");
    }

    #[test]
    fn a_block_is_within_its_limits_and_never_ahead_of_its_clock(mut ticks in ticks(), lag in 0..3_000i64) {
        let mut newest = Timestamp::MIN;
        for tick in &mut ticks {
            newest = newest.max(tick.quote.ts);
            tick.quote.ts = newest;
        }
        let (mut due, mut played) = (Vec::new(), Timestamp::MIN);
        for (wall, out) in play(&ticks, Position::default(), 60.0, lag, usize::MAX) {
            let Output::Ticks(block, clock) = out else { continue };
            prop_assert!(block.ticks.len() <= MAX_TICKS);
            prop_assert!(block.ticks.iter().all(|tick| tick.ts <= clock) && clock >= played);
            played = clock;
            due.push(wall);
            // Sixty times as fast, so that 5 ms of the wall are 300 ms of the clock; a late wake adds to it.
            let span = block.ticks[block.ticks.len() - 1].ts.since(block.ticks[0].ts);
            prop_assert!(span <= 60 * (MAX_WAIT + 2 * lag + 2), "{span}");
        }
        prop_assert!(due.is_sorted());
    }
}

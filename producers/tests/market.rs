//! The synthetic market: the same from everywhere, realistic, and one with its history.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy takes for production code")]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use bellwether_producers::play::Speed;
use bellwether_producers::run::{Ended, HistoryRun, run_history, run_synthetic};
use bellwether_producers::sources::Quote;
use bellwether_producers::sources::synthetic::{Market, minute_of_seq};
use bellwether_schemas::bars::{HistoryBar, MAX_BARS};
use bellwether_schemas::time::{DAY, HOUR, MINUTE};
use bellwether_schemas::{Entry, SessionAnchor, Timeframe, Timestamp};
use support::{Journal, lines, settings, synthetic, tenant, ticks_only, ts};

const START: &str = "2026-03-04T10:00:00Z";

fn quotes(market: &Market, from: &str, until: &str) -> Vec<Quote> {
    market.ticks(ts(from), Some(ts(until))).map(|tick| tick.unwrap().quote).collect()
}

fn bars(entries: &[Entry]) -> Vec<HistoryBar> {
    let of = |entry: &Entry| match entry {
        Entry::Bars(block) => block.bars.clone(),
        _ => Vec::new(),
    };
    entries.iter().flat_map(of).collect()
}

fn history(count: usize, end: &str) -> HistoryRun {
    HistoryRun { tenant: tenant(), settings: settings(count), seed: 1, ticks_a_minute: 6, end: ts(end) }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let run = |seed| async move {
        let journal = Journal::new();
        let mut run = synthetic(settings(33), START, "2026-03-04T10:03:00Z");
        run.seed = seed;
        run_synthetic(&journal.ctx, run).await.unwrap();
        (journal.bytes(), ticks_only(&journal.entries()))
    };
    let (one, again, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(one.0, again.0);
    assert!(one.1.len() > 33 * 150 && one.1 != other.1);
}

#[tokio::test]
async fn a_market_that_was_cut_anywhere_goes_on_without_a_gap_or_a_repeat() {
    let run = || synthetic(settings(2), START, "2026-03-04T10:04:00Z");
    let whole = Journal::new();
    run_synthetic(&whole.ctx, run()).await.unwrap();
    let entries = whole.entries();
    for cut in 0..=entries.len() {
        let journal = Journal::holding(&entries[..cut]).await;
        run_synthetic(&journal.ctx, run()).await.unwrap();
        assert_eq!(lines(&journal.entries()), lines(&entries), "cut after {cut} records");
    }
    let mut halved = entries[..3].to_vec();
    let Some(Entry::Ticks(block)) = halved.last_mut() else { panic!("ticks follow the first heartbeat") };
    block.ticks.truncate(7);
    let journal = Journal::holding(&halved).await;
    run_synthetic(&journal.ctx, run()).await.unwrap();
    assert_eq!(lines(&journal.entries()), lines(&entries));
}

#[tokio::test]
async fn blocks_never_cross_a_minute_and_their_places_tell_it() {
    let journal = Journal::new();
    run_synthetic(&journal.ctx, synthetic(settings(33), START, "2026-03-04T10:03:00Z")).await.unwrap();
    for entry in journal.entries() {
        if let Entry::Ticks(block) = entry {
            let minute = minute_of_seq(block.first_seq.unwrap());
            assert!(block.ticks.iter().all(|tick| tick.ts.floor(MINUTE) == minute), "{block:?}");
            assert!(block.ticks.is_sorted_by_key(|tick| tick.ts));
        }
    }
}

#[test]
fn a_minute_is_the_same_whatever_came_before_it() {
    let market = Market::new(1, &settings(33), 60).unwrap();
    let long = quotes(&market, "2026-03-04T08:00:00Z", "2026-03-04T10:01:00Z");
    let short = quotes(&market, START, "2026-03-04T10:01:00Z");
    let tail: Vec<Quote> = long.into_iter().filter(|quote| quote.ts >= ts(START)).collect();
    assert_eq!(short, tail);
}

#[test]
fn prices_spreads_and_steps_are_those_of_a_market() {
    let market = Market::new(1, &settings(33), 60).unwrap();
    let all = quotes(&market, "2026-03-04T08:00:00Z", "2026-03-04T12:00:00Z");
    let around: HashMap<&str, f64> = HashMap::from([
        ("EURUSDm", 1.16),
        ("USDJPYm", 149.0),
        ("EURGBPm", 0.872),
        ("CHFJPYm", 186.0),
        ("XAUUSDm", 3350.0),
        ("XAGUSDm", 38.0),
        ("USOILm", 65.0),
        ("BTCUSDm", 108_000.0),
    ]);
    for (symbol, name) in (0..).zip(market.names()) {
        let of: Vec<&Quote> = all.iter().filter(|quote| quote.symbol == symbol).collect();
        assert!((of.len() as f64 / (240.0 * 60.0) - 1.0).abs() < 0.1, "{name}: {} ticks", of.len());
        for (before, quote) in of.iter().zip(&of[1..]) {
            let spread = (quote.ask - quote.bid) as f64 / quote.bid as f64;
            assert!(quote.ask > quote.bid && spread < 0.001, "{name}: {quote:?}");
            let step = (quote.bid as f64 / before.bid as f64 - 1.0).abs();
            assert!(step < 0.03, "{name}: {before:?} {quote:?}");
            assert!(before.ts <= quote.ts);
        }
        if let Some(level) = around.get(name.as_str()) {
            let price = of[0].bid as f64 / 10f64.powi(of[0].scale.into());
            assert!((price / level - 1.0).abs() < 0.35, "{name} at {price}");
        }
    }
}

/// Wilder's RSI over closes, by the book; how often it enters 70 or 30.
fn entries_into_zones(closes: &[f64]) -> usize {
    let (mut gain, mut loss) = (0.0, 0.0);
    let mut values = Vec::new();
    for (n, pair) in (1..).zip(closes.windows(2)) {
        let change = pair[1] - pair[0];
        let (up, down) = (change.max(0.0), (-change).max(0.0));
        if n <= 14 {
            (gain, loss) = (gain + up / 14.0, loss + down / 14.0);
        } else {
            (gain, loss) = ((gain * 13.0 + up) / 14.0, (loss * 13.0 + down) / 14.0);
        }
        if n >= 14 {
            values.push(100.0 - 100.0 / (1.0 + gain / loss));
        }
    }
    let enters = |pair: &&[f64]| (pair[0] < 70.0 && pair[1] >= 70.0) || (pair[0] > 30.0 && pair[1] <= 30.0);
    values.windows(2).filter(enters).count()
}

#[test]
fn rsi_enters_70_and_30_on_every_timeframe_from_5m_to_4h() {
    let market = Market::new(1, &settings(33), 6).unwrap();
    let mut minutes = market.minutes(ts("2026-02-01T00:00:00Z"));
    let closes: Vec<Vec<f64>> = (0..30 * 24 * 60)
        .map(|_| minutes.next_minute().1.iter().map(|shape| shape.close as f64).collect())
        .collect();
    // A month of 33 symbols: the timeframe's minutes, and the fewest entries a day over all symbols.
    for (step, fewest) in [(5, 150), (15, 50), (30, 25), (60, 12), (240, 3)] {
        let of = |symbol: usize| {
            closes.iter().skip(step - 1).step_by(step).map(|all| all[symbol]).collect::<Vec<_>>()
        };
        let entries: usize = (0..33).map(|symbol| entries_into_zones(&of(symbol))).sum();
        println!("{step} minutes: {entries} entries in 30 days");
        assert!(entries >= fewest * 30, "{step} minutes: {entries} entries in 30 days");
    }
}

#[tokio::test]
async fn history_is_the_bars_of_the_very_ticks_that_would_have_been_played() {
    let end = "2026-03-25T10:00:00Z";
    let journal = Journal::new();
    run_history(&journal.ctx, history(2, end)).await.unwrap();
    let written = bars(&journal.entries());
    let first = written.iter().map(|bar| bar.open_time).min().unwrap();
    let market = Market::new(1, &settings(2), 6).unwrap();
    let mut of: HashMap<(String, Timeframe, Timestamp), HistoryBar> = HashMap::new();
    let names = market.names();
    let timeframes = [Timeframe::M1, Timeframe::H1, Timeframe::H4, Timeframe::D1];
    let spans_at = |ts| timeframes.map(|timeframe| SessionAnchor::FX.span(timeframe, ts));
    let mut spans = spans_at(first);
    for tick in market.ticks(first, Some(ts(end))) {
        let Quote { ts, symbol, bid, scale, .. } = tick.unwrap().quote;
        if ts >= spans[0].close {
            spans = spans_at(ts);
        }
        for (timeframe, span) in timeframes.into_iter().zip(spans) {
            let name = names[usize::from(symbol)].clone();
            let bar = of.entry((name.clone(), timeframe, span.open)).or_insert_with(|| HistoryBar {
                symbol: name,
                timeframe,
                open_time: span.open,
                close_time: span.close,
                scale,
                open: bid,
                high: bid,
                low: bid,
                close: bid,
                ticks: 0,
            });
            (bar.high, bar.low, bar.close) = (bar.high.max(bid), bar.low.min(bid), bid);
            bar.ticks += 1;
        }
    }
    for bar in &written {
        let key = (bar.symbol.clone(), bar.timeframe, bar.open_time);
        assert_eq!(Some(bar), of.get(&key));
    }
}

#[tokio::test]
async fn history_begins_with_a_week_and_is_merged_by_close_time() {
    let end = "2026-03-25T10:00:00Z";
    let journal = Journal::new();
    let summary = run_history(&journal.ctx, history(3, end)).await.unwrap();
    let entries = journal.entries();
    let all = bars(&entries);
    assert_eq!(summary.bars, all.len() as u64);
    assert!(all.is_sorted_by_key(|bar| bar.close_time));
    assert_eq!(all.last().unwrap().close_time, ts(end));
    let first = |timeframe| all.iter().find(|bar| bar.timeframe == timeframe).unwrap().open_time;
    // The Sunday before the 23rd of March, at 17:00 in New York.
    assert_eq!(first(Timeframe::M1).to_string(), "2026-03-22T21:00:00.000000Z");
    let minutes = all.iter().filter(|bar| bar.timeframe == Timeframe::M1).count() as i64;
    assert_eq!(minutes, 3 * ts(end).since(first(Timeframe::M1)) / MINUTE);
    assert!(first(Timeframe::M1).since(first(Timeframe::H1)) >= 10 * DAY);
    assert!(all.iter().filter(|bar| bar.timeframe == Timeframe::D1).count() >= 3 * 51);
    assert!(all.iter().filter(|bar| bar.timeframe == Timeframe::H4).count() >= 3 * 51);
    let mut before = None;
    for entry in &entries {
        let Entry::Bars(block) = entry else { panic!("{entry:?}") };
        assert!(block.bars.len() <= MAX_BARS);
        assert!(before < Some(block.bars[0].close_time), "an instant is split over two blocks");
        before = block.bars.last().map(|bar| bar.close_time);
    }
}

#[tokio::test]
async fn history_that_was_cut_anywhere_is_completed_and_never_written_twice() {
    let end = "2026-03-25T10:00:00Z";
    let whole = Journal::new();
    run_history(&whole.ctx, history(2, end)).await.unwrap();
    let entries = whole.entries();
    for cut in [0, 1, 2, entries.len() / 2, entries.len() - 1, entries.len()] {
        let journal = Journal::holding(&entries[..cut]).await;
        run_history(&journal.ctx, history(2, end)).await.unwrap();
        assert_eq!(bars(&journal.entries()), bars(&entries), "cut after {cut} of {} records", entries.len());
    }
}

#[tokio::test]
async fn ticks_follow_history_without_a_gap_and_no_history_is_written_behind_them() {
    let journal = Journal::new();
    run_history(&journal.ctx, history(2, START)).await.unwrap();
    let mut run = synthetic(settings(2), "2020-01-01T00:00:00Z", "2026-03-04T10:02:00Z");
    run.ticks_a_minute = 6;
    run_synthetic(&journal.ctx, run).await.unwrap();
    let ticks = ticks_only(&journal.entries());
    let first = ticks.iter().find(|line| line.contains("EURUSDm")).unwrap();
    assert!(first.contains("2026-03-04T10:00:"), "{first}");
    let records = journal.bytes().len();
    let later = run_history(&journal.ctx, history(2, "2026-03-04T12:00:00Z")).await.unwrap();
    assert_eq!((later.bars, journal.bytes().len()), (0, records));
}

#[tokio::test]
async fn a_symbol_that_was_added_begins_a_new_session_behind_the_old_one() {
    let journal = Journal::new();
    run_synthetic(&journal.ctx, synthetic(settings(2), START, "2026-03-04T10:02:00Z")).await.unwrap();
    let before = journal.bytes().len();
    run_synthetic(&journal.ctx, synthetic(settings(3), START, "2026-03-04T10:05:00Z")).await.unwrap();
    let added = &journal.entries()[before..];
    let Entry::Ticks(block) = added.iter().find(|entry| matches!(entry, Entry::Ticks(_))).unwrap() else {
        panic!()
    };
    assert_eq!(
        block.ticks[0].ts.floor(MINUTE),
        ts("2026-03-04T10:03:00Z"),
        "the last heartbeat was 10:02:02"
    );
    let before = journal.bytes().len();
    run_synthetic(&journal.ctx, synthetic(settings(2), START, "2026-03-04T10:08:00Z")).await.unwrap();
    let back = ticks_only(&journal.entries()[before..]);
    assert!(back[0].contains("2026-03-04T10:06:"), "it goes on behind the session between: {}", back[0]);
}

#[tokio::test]
async fn a_symbol_that_was_added_gets_its_history_and_the_others_nothing() {
    let journal = Journal::new();
    run_synthetic(&journal.ctx, synthetic(settings(2), START, "2026-03-04T10:01:00Z")).await.unwrap();
    run_history(&journal.ctx, history(3, START)).await.unwrap();
    let all = bars(&journal.entries());
    assert!(!all.is_empty() && all.iter().all(|bar| bar.symbol == "USDJPYm"));
}

#[tokio::test]
async fn it_stops_when_its_wall_time_is_over_and_goes_on_from_there() {
    let journal = Journal::new();
    let mut run = synthetic(settings(33), "2029-12-31T23:00:00Z", START);
    run.until = None;
    run.run_for = Some(Duration::ZERO);
    let summary = run_synthetic(&journal.ctx, run.clone()).await.unwrap();
    assert_eq!((summary.ended, summary.ticks), (Ended::Limit, 0));
    run.run_for = Some(Duration::from_secs(3600));
    let (ctx, playing) = (journal.ctx.clone(), journal.ctx.clone());
    let task = tokio::spawn(async move { run_synthetic(&playing, run).await });
    // An hour as fast as possible up to the manual clock's present; then it is asked to stop.
    let deadline = std::time::Duration::from_secs(60);
    let caught_up = async {
        while !lines(&journal.entries()).iter().any(|line| line.starts_with("beat 2030-01-01T00:00:00")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(deadline, caught_up).await.unwrap();
    ctx.shutdown.raise();
    let summary = tokio::time::timeout(deadline, task).await.unwrap().unwrap().unwrap();
    assert_eq!(summary.ended, Ended::Stop);
    assert_eq!(ticks_only(&journal.entries()).len() as u64, summary.ticks);
    let last = journal.entries().iter().filter_map(Entry::event_time).max().unwrap();
    assert!(last <= ts("2030-01-01T00:00:00Z") && last >= ts("2030-01-01T00:00:00Z").plus(-HOUR / 60));
}

#[test]
fn a_market_that_would_not_fit_its_places_is_refused() {
    assert!(Market::new(1, &settings(33), 5).is_err());
    assert!(Market::new(1, &settings(33), 60_000).is_err());
    assert!(Market::new(1, &settings(0), 60).is_err());
}

#[test]
fn speeds_are_numbers_from_0() {
    assert!(Speed::new(-1.0).is_none() && Speed::new(f64::NAN).is_none() && Speed::new(60.0).is_some());
}

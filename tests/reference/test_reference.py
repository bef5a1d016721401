#!/usr/bin/env python3
"""Holds the reference to the published vectors and to the cases named in the specification."""

import json
import math
import unittest
from datetime import datetime, timezone
from pathlib import Path

import alerts
import bellwether_reference as reference
import indicators
import market

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "indicators.json").read_text())


def bars(seed, count, drift=0):
    x, before = seed, 110_000

    def draw():
        nonlocal x
        x = (1664525 * x + 1013904223) % 2**32
        return x >> 16

    for n in range(count):
        a, b, c = draw(), draw(), draw()
        opened, close = before, before + (a % 201) - 100 + drift
        high, low = max(opened, close) + b % 40, min(opened, close) - c % 40
        bar = reference.Bar(n, n + 1, n, opened / 100_000)
        bar.high, bar.low, bar.close = high / 100_000, low / 100_000, close / 100_000
        before = close
        yield bar


def at(text):
    return market.parse_time(text)


class Vectors(unittest.TestCase):
    def near(self, found, wanted):
        self.assertEqual(len(found), len(wanted))
        for a, b in zip(found, wanted):
            self.assertAlmostEqual(a, b, delta=1e-9)

    def test_the_textbook_rsi(self):
        rsi = indicators.Rsi(14)
        found = [rsi.update(c) for c in VECTORS["textbook_rsi14"]["closes"]]
        self.near(found[14:], VECTORS["textbook_rsi14"]["rsi"])
        self.assertEqual(found[:14], [None] * 14)

    def test_three_hundred_bars_of_seed_42(self):
        wanted = VECTORS["seed42_300_bars"]
        series = indicators.Series([14])
        rows = [series.close(b) for b in bars(42, 300)]

        def column(name):
            return [getattr(r, name) for r in rows if getattr(r, name) is not None]

        rsi = [r.rsi[14] for r in rows if r.rsi[14] is not None]
        self.assertEqual(len(rsi), wanted["rsi14_len"])
        self.near(rsi[:3], wanted["rsi14_first3"])
        self.near(rsi[-5:], wanted["rsi14_last5"])
        for period in (21, 50, 200):
            self.near(column(f"ema{period}")[-3:], wanted[f"ema{period}_last3"])
        for name, last in zip(("macd", "macd_signal", "macd_histogram"), wanted["macd_last2"]):
            self.assertEqual(len(column(name)), 267)
            self.near(column(name)[-2:], last)
        self.near(column("atr10")[:1] + column("atr10")[-3:], [wanted["atr10_first"]] + wanted["atr10_last3"])
        cloud = VECTORS["seed42_ichimoku_at_last"]
        last = rows[-1]
        found = [last.tenkan, last.kijun, last.senkou_a, last.senkou_b, last.span_a, last.span_b]
        names = "tenkan kijun senkou_a_cloud_now senkou_b_cloud_now senkou_a_projected senkou_b_projected".split()
        self.near(found, [cloud[n] for n in names])

    def test_the_two_correlations(self):
        vectors = VECTORS["correlation_window_50"]
        for case in vectors["cases"]:
            pair = indicators.PairReturns()
            for a, b in zip(vectors["close_points_a"], case["close_points_b"]):
                self.assertIsNone(pair.correlation(50))
                pair.add(a / 100_000, b / 100_000)
            self.near([pair.correlation(50)], [case["pearson_log_returns_w50"]])

    def test_the_strength_of_the_28(self):
        returns = []
        for symbol, (then, now) in VECTORS["currency_strength"]["prev_and_last_close_points"].items():
            legs = indicators.legs(market.without_suffix(symbol))
            if legs:
                returns.append((*legs, math.log(now / then)))
        wanted = VECTORS["currency_strength"]["expected"]
        self.assertEqual(len(returns), 28)
        found = indicators.Strength(returns)
        self.near([found.scores[c] for c in wanted], list(wanted.values()))

    def test_the_heatmap_whose_seventy_is_a_sell_percent(self):
        case = VECTORS["heatmap_sell_threshold_70_means_sell_percent"]
        state = alerts.HeatmapState()
        fired = {str(n): state.step(n * market.DAY, b, 100 - b, 70, 70) for n, b in enumerate(case["buy_percent"])}
        self.assertEqual({n: s for n, s in fired.items() if s}, case["triggers"])


class NamedCases(unittest.TestCase):
    def heatmap(self, steps):
        """Enters the named side at each time, leaving both a minute before; returns what fired."""
        state, fired = alerts.HeatmapState(), []
        state.step(at("2024-01-01T00:00Z"), 50, 50, 70, 70)
        for clock, side in steps:
            time = at(f"2024-01-01T{clock}Z")
            state.step(time - market.MINUTE, 50, 50, 70, 70)
            buy = 80 if side == "buy" else 20
            if state.step(time, buy, 100 - buy, 70, 70):
                fired.append((clock, side))
        return fired

    def test_heatmap_1(self):
        steps = [("07:00", "buy"), ("07:05", "sell"), ("07:10", "buy"), ("10:55", "sell"), ("11:00", "buy")]
        self.assertEqual(self.heatmap(steps), [("07:00", "buy")])

    def test_heatmap_2(self):
        self.assertEqual(self.heatmap([("07:00", "buy"), ("11:00", "buy")]), [("07:00", "buy")])

    def test_heatmap_3(self):
        steps = [("07:00", "buy"), ("11:00", "buy"), ("11:05", "sell")]
        self.assertEqual(self.heatmap(steps), [("07:00", "buy"), ("11:05", "sell")])

    def test_heatmap_4(self):
        steps = [("07:00", "buy"), ("11:00", "sell")]
        self.assertEqual(self.heatmap(steps), steps)

    def test_rsi_case(self):
        case = VECTORS["rsi_tracker"]
        world = reference.World(["EURUSD"])
        alert = alerts.RsiTracker({"timeframe": "5M"}, 0, world)
        fired, before = {}, None
        for n, value in enumerate(case["rsi"]):
            instant = reference.Instant(n, n)
            row = indicators.Row()
            row.rsi, row.close, row.bar = {14: value}, 1.0, reference.Bar(n, n, n, 1.0)
            instant.closed[(0, 1)], before = (row, before), row
            instant.timeframes = [1]
            fired |= {str(n): t["condition"] for _, t in alert.at_instant(instant)}
        self.assertEqual(fired, case["triggers"])

    def test_a_trigger_id_is_the_uuid_of_its_cause(self):
        import uuid

        self.assertEqual(uuid.uuid5(uuid.NAMESPACE_DNS, "triggers.bellwether"), alerts.NAMESPACE)


class Days(unittest.TestCase):
    def limits(self, name, text, utc=False):
        opened, end = market.limits(market.timeframe_index(name), at(text), utc)
        return market.show_time(opened), market.show_time(end)

    def test_the_day_the_clocks_go_forward_has_23_hours(self):
        self.assertEqual(self.limits("1D", "2012-03-11T12:00Z"), ("2012-03-10T22:00:00Z", "2012-03-11T21:00:00Z"))
        self.assertEqual(self.limits("4H", "2012-03-11T20:59Z"), ("2012-03-11T18:00:00Z", "2012-03-11T21:00:00Z"))

    def test_the_day_the_clocks_go_back_has_25_hours(self):
        self.assertEqual(self.limits("1D", "2024-11-03T12:00Z"), ("2024-11-02T21:00:00Z", "2024-11-03T22:00:00Z"))
        self.assertEqual(self.limits("4H", "2024-11-03T21:30Z"), ("2024-11-03T21:00:00Z", "2024-11-03T22:00:00Z"))

    def test_a_week_runs_from_sundays_anchor(self):
        self.assertEqual(self.limits("1W", "2012-03-11T20:59:59Z")[1], "2012-03-11T21:00:00Z")
        self.assertEqual(self.limits("1W", "2012-03-11T21:00Z"), ("2012-03-11T21:00:00Z", "2012-03-18T21:00:00Z"))
        self.assertEqual(self.limits("1W", "2012-03-11T00:00Z", True)[0], "2012-03-11T00:00:00Z")

    def test_histdata_is_five_hours_behind_in_summer_too(self):
        moment = datetime(2020, 7, 1, 22, 0, 0, 65_000, tzinfo=timezone.utc)
        path = Path(__file__).parent / "histdata.tmp"
        path.write_text("20200701 170000065,1.1,1.2,0\n")
        try:
            ticks = list(market.Input(0, "EURUSD", str(path)).ticks())
        finally:
            path.unlink()
        self.assertEqual(ticks, [(market.micros(moment), 0, 1.1, 1.2)])


class Refusals(unittest.TestCase):
    def guard(self, *quotes):
        guard = reference.Guard()
        guard.accept(0, 1.0)
        return [guard.absurd(ts * market.SECOND, bid) for ts, bid in quotes], guard.last

    def test_the_tenth_absurd_one_in_five_seconds_is_believed(self):
        nine = [(n * 0.5, 2.0) for n in range(1, 10)]
        self.assertEqual(self.guard(*nine)[1], 1.0)
        self.assertEqual(self.guard(*nine, (5.0, 2.0), (5.1, 2.1)), ([True] * 10 + [False], 2.0))
        self.assertEqual(self.guard(*nine, (5.6, 2.0))[1], 1.0)

    def test_after_more_than_a_minute_any_price_is_taken(self):
        self.assertEqual(self.guard((60, 2.0), (60.000001, 2.0))[0], [True, False])


    def test_rows_are_judged_by_their_closes_and_the_third_refused_is_the_measure(self):
        guard = market.RowGuard(market.HOUR)
        closes = [1.0, 1.2, 1.5, 1.1, 2.0, 2.1, 2.2, 2.3, 1.0]
        refused = [guard.refuses(n * market.HOUR, close) for n, close in enumerate(closes)]
        self.assertEqual(refused, [False, False, True, False, True, True, True, False, True])
        self.assertFalse(guard.refuses(20 * market.HOUR, 9.0), "behind a hole any close counts")


class StillMarkets(unittest.TestCase):
    def tearDown(self):
        market.VERSION = 3

    def values(self, version):
        market.VERSION = version
        rsi, close = indicators.Rsi(14), 110_000.0
        rsi.update(close)
        for step in [10, -6, 10, 10, -6, 10, 10, -6, 10, 10, -6, 0, 0, -6]:
            close += step
            value = rsi.update(close)
        self.assertEqual(value, 70.0)
        return {rsi.update(close) for _ in range(700)}

    def test_rsi_of_70_stands_in_700_still_bars_and_wobbled_in_version_1(self):
        self.assertEqual(self.values(2), {70.0})
        self.assertGreater(len(self.values(1)), 1)

    def test_a_first_value_over_a_still_close_is_computed(self):
        rsi = indicators.Rsi(5)
        values = [rsi.update(close) for close in [10, 11, 10, 12, 13, 13, 13, 13]]
        self.assertEqual(values[:5], [None] * 5)
        self.assertEqual(values[5:], [80.0] * 3)

    def test_where_all_currencies_are_equal_nothing_is_said(self):
        still = [("EUR", "USD", 0.0), ("GBP", "USD", 0.0)]
        self.assertFalse(indicators.Strength(still).says_something)
        self.assertTrue(indicators.Strength(still[:1] + [("GBP", "USD", 1e-9)]).says_something)
        market.VERSION = 1
        self.assertTrue(indicators.Strength(still).says_something)

    def test_a_strength_trigger_tells_all_scores_since_version_3(self):
        def detail(version):
            market.VERSION = version
            alert = alerts.CurrencyStrengthTracker({"timeframe": "5M"}, 0, reference.World(["EURUSD", "GBPUSD"]))
            told = []
            for n, moves in enumerate([(0.5, 0.25), (0.25, 0.5)]):
                instant = reference.Instant(n, n)
                reading = indicators.Strength([("EUR", "USD", moves[0]), ("GBP", "USD", moves[1])])
                reading.open_time = n
                instant.strengths = {1: reading}
                told += [line["detail"] for _, line in alert.at_instant(instant)]
            return told

        self.assertEqual(detail(2), [{"from": "EUR", "to": "GBP"}])
        [told] = detail(3)
        self.assertEqual(list(told["scores"]), indicators.CURRENCIES)
        self.assertEqual((told["scores"]["GBP"], told["scores"]["USD"], told["scores"]["JPY"]), (100, -100, None))


class RowsOfBars(unittest.TestCase):
    def test_the_spacing_is_the_commonest_difference_of_opens(self):
        hours = [0, 1, 2, 2, 5, 6, 7, 31, 30, 31]
        self.assertEqual(market.spacing([(hour * market.HOUR, None) for hour in hours]), market.HOUR)
        self.assertEqual(market.spacing([(0, None)]), market.MINUTE)

    def test_hourly_bars_make_nothing_shorter(self):
        engine = reference.Engine(reference.World(["EURUSD"]), set(), [], None, None, None)
        for hour in range(30):
            for step in range(4):
                engine.take(hour * market.HOUR + step * 900 * market.SECOND, 0, 1.0 + step, market.HOUR)
        counts = [engine.series[(0, timeframe)].count for timeframe in range(8)]
        self.assertEqual(counts[:4], [0] * 4)
        self.assertEqual(counts[4:6], [29, 7])


if __name__ == "__main__":
    unittest.main()

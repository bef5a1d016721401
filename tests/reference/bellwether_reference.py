#!/usr/bin/env python3
"""An independent computation of what `bellwether backtest` must print, written from the specification's text alone.

Plain and slow. Shares nothing with the engine; the README beside it says what was read how.
"""

import argparse
import heapq
import json
import sys
from collections import Counter
from itertools import product

import alerts as alerts_module
import indicators
import market
from market import DAY, LATENESS, MINUTE, NOMINAL, SECOND, TIMEFRAMES, show_time

BAND, BAND_MEMORY, RUN_LENGTH, RUN_SPAN = 0.20, 60 * SECOND, 10, 5 * SECOND
POSITIVE = """EURUSD-GBPUSD EURUSD-AUDUSD EURUSD-NZDUSD GBPUSD-AUDUSD AUDUSD-NZDUSD USDCHF-USDJPY XAUUSD-XAGUSD
XAUUSD-EURUSD BTCUSD-ETHUSD BTCUSD-XAUUSD USOIL-EURUSD USOIL-XAGUSD BTCUSD-USOIL""".split()
NEGATIVE = """EURUSD-USDCHF GBPUSD-USDCHF USDJPY-EURUSD USDJPY-GBPUSD USDCAD-AUDUSD USDCHF-AUDUSD XAUUSD-USDJPY
USOIL-USDJPY""".split()


class Bar:
    """Open is the bid of the smallest time (ties: first read), close that of the largest (ties: last read)."""

    def __init__(self, open_time, end, ts, bid):
        self.open_time, self.end = open_time, end
        self.open = self.high = self.low = self.close = bid
        self.first = self.last = ts
        self.ticks = 1

    def add(self, ts, bid):
        self.ticks += 1
        self.high, self.low = max(self.high, bid), min(self.low, bid)
        if ts < self.first:
            self.first, self.open = ts, bid
        if ts >= self.last:
            self.last, self.close = ts, bid

    def join(self, given):
        """A shorter bar inside this one."""
        self.ticks += given.ticks
        self.high, self.low = max(self.high, given.high), min(self.low, given.low)
        if given.first < self.first:
            self.first, self.open = given.first, given.open
        if given.last >= self.last:
            self.last, self.close = given.last, given.close


class Pair:
    def __init__(self, key, place, first, second, positive):
        self.key, self.place, self.first, self.second, self.positive = key, place, first, second, positive


class Tick:
    def __init__(self, time, symbol, bid, same_time):
        self.time, self.symbol, self.bid, self.same_time = time, symbol, bid, same_time


class Instant:
    """What was read at one instant; `closed` maps (symbol, timeframe) to its row and the row before. At one that
    history makes nothing fires, as where all is stale."""

    def __init__(self, time, watermark, of_history=False):
        self.time, self.watermark, self.of_history = time, watermark, of_history
        self.closed, self.heatmaps, self.correlations, self.strengths = {}, {}, {}, {}
        self.timeframes = []

    def stale(self, timeframe):
        return self.of_history or alerts_module.stale(self.watermark, self.time, timeframe)


class World:
    """A tenant: its symbols, in their order, and the listed pairs among them."""

    def __init__(self, symbols, positive=POSITIVE, negative=NEGATIVE):
        self.symbols = symbols
        self.pairs = []
        for place, key in enumerate([*positive, *negative]):
            first, second = (market.resolve(name, symbols) for name in key.split("-"))
            if first is not None and second is not None:
                self.pairs.append(Pair(key, place, first, second, key in positive))
        self.legs = [indicators.legs(market.without_suffix(s)) for s in symbols]


class Guard:
    """The refusals of one symbol that need memory: the absurd."""

    def __init__(self):
        self.last, self.last_time, self.run = None, None, []

    def absurd(self, ts, bid):
        if self.last is None or ts - self.last_time > BAND_MEMORY:
            return False
        if not abs(bid - self.last) > BAND * self.last:
            return False
        self.run = (self.run + [ts])[-RUN_LENGTH:]
        if len(self.run) == RUN_LENGTH and max(self.run) - min(self.run) <= RUN_SPAN:
            self.last, self.run = bid, []
        return True

    def accept(self, ts, bid):
        self.last, self.last_time, self.run = bid, ts, []


class Engine:
    def __init__(self, world, utc_symbols, alerts, start, readings, triggers):
        self.world, self.utc, self.alerts, self.start = world, utc_symbols, alerts, start
        self.readings, self.triggers = readings, triggers
        periods = {14} | {p for a in alerts for p in a.periods()}
        self.periods = sorted(periods)
        self.windows = sorted({50} | {w for a in alerts for w in a.windows()})
        symbols, timeframes = range(len(world.symbols)), range(len(TIMEFRAMES))
        self.timeframes, self.of_history = timeframes, False
        self.series = {key: indicators.Series(self.periods) for key in product(symbols, timeframes)}
        self.returns = {(p.place, tf): indicators.PairReturns() for p in world.pairs for tf in timeframes}
        self.open = {key: [] for key in product(symbols, timeframes)}
        self.due, self.due_times = {}, []
        self.guards = [Guard() for _ in symbols]
        self.same_time = [Counter() for _ in symbols]
        self.tick_alerts = [a for a in alerts if a.kind == "price_alert" and a.timeframe is None]
        self.bar_alerts = [a for a in alerts if a not in self.tick_alerts]
        self.newest, self.watermark = None, None
        self.refused = Counter()
        self.accepted = 0

    def play(self, stream):
        for record in stream:
            if len(record) == 1:
                self.advance(record[0])
                continue
            ts, symbol, bid, ask, *of_bar = record
            judged, spacing = of_bar or (False, None)
            reason = self.refusal(ts, symbol, bid, ask, judged)
            if reason:
                self.refused[reason] += 1
            else:
                self.take(ts, symbol, bid, spacing)

    def refusal(self, ts, symbol, bid, ask, judged):
        if not (0 < bid <= ask < float("inf")):
            return "malformed"
        if symbol is None:
            return "unknown_symbol"
        if self.watermark is not None and ts - ts % MINUTE + MINUTE <= self.watermark:
            return "late"
        if not judged and self.guards[symbol].absurd(ts, bid):
            return "absurd"
        return None

    def take(self, ts, symbol, bid, spacing):
        self.accepted += 1
        self.guards[symbol].accept(ts, bid)
        self.advance(ts)
        for timeframe in self.timeframes:
            if spacing is None or NOMINAL[timeframe] % spacing == 0:
                self.join(symbol, timeframe, ts, bid)
        seen = self.same_time[symbol]
        tick = Tick(ts, symbol, bid, seen[ts])
        seen[ts] += 1
        if len(seen) > 10_000:
            self.same_time[symbol] = Counter({t: n for t, n in seen.items() if t > self.watermark - DAY})
        if self.start is None or ts >= self.start:
            self.write_triggers(t for a in self.tick_alerts for t in a.at_tick(tick))

    def join(self, symbol, timeframe, ts, bid):
        bar = self.open_at(symbol, timeframe, ts)
        if bar is not None:
            bar.add(ts, bid)
            return
        opened, end = market.limits(timeframe, ts, symbol in self.utc)
        self.begin(symbol, timeframe, Bar(opened, end, ts, bid))

    def open_at(self, symbol, timeframe, ts):
        for bar in self.open[(symbol, timeframe)]:
            if bar.open_time <= ts < bar.end:
                return bar
        return None

    def begin(self, symbol, timeframe, bar):
        end = bar.end
        self.open[(symbol, timeframe)].append(bar)
        if end not in self.due:
            self.due[end] = []
            heapq.heappush(self.due_times, end)
        self.due[end].append((symbol, timeframe, bar))

    def advance(self, ts):
        if self.newest is None or ts > self.newest:
            self.newest, self.watermark = ts, ts - LATENESS
        while self.due_times and self.due_times[0] <= self.watermark:
            self.instant(heapq.heappop(self.due_times))

    # One instant: bars, indicators, heatmaps, correlations, strength, daily change, alerts.

    def instant(self, time):
        now = Instant(time, self.watermark, self.of_history)
        ending = sorted(self.due.pop(time), key=lambda entry: entry[:2])
        days = {}
        for symbol, timeframe, bar in ending:
            if timeframe == 0:
                days[symbol] = self.day_open(symbol, bar)
        for symbol, timeframe, bar in ending:
            self.open[(symbol, timeframe)].remove(bar)
        for symbol, timeframe, bar in ending:
            series = self.series[(symbol, timeframe)]
            row = series.close(bar)
            now.closed[(symbol, timeframe)] = row, series.rows[-2] if len(series.rows) > 1 else None
        now.timeframes = sorted({tf for _, tf, _ in ending})
        self.read_heatmaps(now)
        self.read_correlations(now)
        self.read_strengths(now)
        if self.start is not None and time < self.start:
            return
        if self.readings:
            self.write_readings(now, days)
        self.write_triggers(t for a in self.bar_alerts for t in a.at_instant(now))

    def day_open(self, symbol, minute):
        """The first bid of the 1D interval that holds this minute."""
        for day in self.open[(symbol, TIMEFRAMES.index("1D"))]:
            if day.open_time <= minute.open_time < day.end:
                return day.open
        raise AssertionError("a minute outside every open day")

    def read_heatmaps(self, now):
        for symbol in sorted({s for s, _ in now.closed}):
            by_timeframe = {tf: self.series[(symbol, tf)] for tf in range(len(TIMEFRAMES))}
            for style in range(len(indicators.STYLES)):
                if any((symbol, tf) in now.closed for tf in indicators.WEIGHTS[style]):
                    reading = indicators.heatmap(style, by_timeframe)
                    if reading is not None:
                        now.heatmaps[(symbol, style)] = reading

    def read_correlations(self, now):
        for timeframe in now.timeframes:
            for pair in self.world.pairs:
                first = now.closed.get((pair.first, timeframe))
                second = now.closed.get((pair.second, timeframe))
                if first is None or second is None:
                    continue
                returns = self.returns[(pair.place, timeframe)]
                returns.add(first[0].close, second[0].close)
                for window in self.windows:
                    now.correlations[(pair.place, timeframe, window)] = returns.correlation(window)

    def read_strengths(self, now):
        for timeframe in now.timeframes:
            returns, opened = [], None
            for symbol, legs in enumerate(self.world.legs):
                row, before = now.closed.get((symbol, timeframe), (None, None))
                if legs is None or before is None:
                    continue
                if opened is None:
                    opened = row.bar.open_time
                returns.append((*legs, indicators.math.log(row.close / before.close)))
            reading = indicators.Strength(returns) if returns else None
            if reading is not None and reading.says_something:
                now.strengths[timeframe] = reading
                reading.open_time = opened

    # Lines

    def write_triggers(self, found):
        if self.triggers is None:
            return
        for _, line in sorted(found, key=lambda pair: pair[0]):
            self.triggers.write(json.dumps(line) + "\n")

    def write_readings(self, now, days):
        write = self.readings
        closed = show_time(now.time)
        for (symbol, timeframe), (row, _) in now.closed.items():
            bar = row.bar
            write({"type": "bar", "symbol": self.world.symbols[symbol], "timeframe": TIMEFRAMES[timeframe],
                   "open_time": show_time(bar.open_time), "close_time": closed, "open": bar.open, "high": bar.high,
                   "low": bar.low, "close": bar.close, "ticks": bar.ticks})
        if write.wants("indicators"):
            for (symbol, timeframe), (row, _) in now.closed.items():
                write(self.indicators_line(symbol, timeframe, row, closed))
        for (symbol, style), reading in now.heatmaps.items():
            write({"type": "heatmap", "symbol": self.world.symbols[symbol], "style": indicators.STYLES[style],
                   "close_time": closed, "coverage": reading.coverage, "raw": reading.raw, "final": reading.final,
                   "buy_percent": reading.buy, "sell_percent": reading.sell, "label": reading.label})
        keys = {p.place: p.key for p in self.world.pairs}
        for (place, timeframe, window), value in now.correlations.items():
            write({"type": "correlation", "pair": keys[place], "timeframe": TIMEFRAMES[timeframe], "window": window,
                   "close_time": closed, "value": value})
        for timeframe, reading in now.strengths.items():
            write({"type": "strength", "timeframe": TIMEFRAMES[timeframe], "close_time": closed,
                   "scores": {c: reading.scores.get(c) for c in indicators.CURRENCIES},
                   "average_returns": {c: reading.averages.get(c) for c in indicators.CURRENCIES},
                   "strongest": reading.strongest, "weakest": reading.weakest})
        for (symbol, timeframe), (row, _) in now.closed.items():
            if timeframe == 0:
                change = row.close - days[symbol]
                write({"type": "daily_change", "symbol": self.world.symbols[symbol], "close_time": closed,
                       "absolute": change, "percent": 100 * change / days[symbol]})

    def indicators_line(self, symbol, timeframe, row, closed):
        line = {"type": "indicators", "symbol": self.world.symbols[symbol], "timeframe": TIMEFRAMES[timeframe],
                "close_time": closed}
        line |= {f"rsi{p}": row.rsi[p] for p in self.periods}
        for name in ("ema21", "ema50", "ema200", "macd", "macd_signal", "macd_histogram", "atr10"):
            line[name] = getattr(row, name)
        line |= {"utbot_long_stop": row.long_stop, "utbot_short_stop": row.short_stop}
        for name in ("tenkan", "kijun", "senkou_a", "senkou_b"):
            line[name] = getattr(row, name)
        line["cells"] = {name: shown(row.cells[name]) for name in indicators.CELLS}
        line |= {"quiet": row.quiet, "raw": None, "final": None, "buy_percent": None}
        if row.count >= 60:
            final = max(-100.0, min(100.0, 80 * row.score_sum / 7))
            line |= {"raw": row.score_sum / 7, "final": final, "buy_percent": (final + 100) / 2}
        return line


def shown(cell):
    if cell is None:
        return None
    signal, new, score = cell
    return {"signal": ("neutral", "buy", "sell")[signal], "new": new, "score": score}


class Readings:
    def __init__(self, file, only):
        self.file, self.only = file, only

    def wants(self, kind):
        return self.only is None or kind in self.only

    def __call__(self, line):
        if self.wants(line["type"]):
            self.file.write(json.dumps(line) + "\n")


def event_time(text):
    return None if text in (None, "start", "end") else market.parse_time(text)


def output(path):
    if path is None:
        return None
    return sys.stdout if path == "-" else open(path, "w", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", action="append", required=True, metavar="SYMBOL=FILE")
    parser.add_argument("--format", choices=["histdata", "m1", "truefx", "ticks", "dukascopy"])
    parser.add_argument("--alerts")
    parser.add_argument("--readings")
    parser.add_argument("--readings-only")
    parser.add_argument("--triggers")
    parser.add_argument("--from", dest="start")
    parser.add_argument("--to", dest="until")
    parser.add_argument("--anchor-utc", action="append", default=[], metavar="SYMBOL")
    parser.add_argument("--engine-version", type=int, choices=[1, 2, 3], default=3, help="whose rules hold")
    words = sys.argv[2:] if sys.argv[1:2] == ["backtest"] else sys.argv[1:]
    return parser.parse_args(words)


def main():
    args = arguments()
    market.VERSION = args.engine_version
    symbols, inputs = [], []
    for item in args.input:
        symbol, _, path = item.partition("=")
        if symbol not in symbols:
            symbols.append(symbol)
        inputs.append(market.Input(symbols.index(symbol), symbol, path, args.format))
    world = World(symbols)
    utc = {market.resolve(name, symbols) for name in args.anchor_utc}
    found = alerts_module.load(args.alerts, world) if args.alerts else []
    only = set(args.readings_only.split(",")) if args.readings_only else None
    readings_file, triggers_file = output(args.readings), output(args.triggers)
    readings = Readings(readings_file, only) if readings_file else None
    engine = Engine(world, utc, found, event_time(args.start), readings, triggers_file)
    engine.play(market.clocked(market.merged(inputs, event_time(args.until))))
    for file in (readings_file, triggers_file):
        if file is not None:
            file.flush()
    market.report_unreadable(inputs)
    print(f"accepted {engine.accepted}, refused {dict(sorted(engine.refused.items()))}", file=sys.stderr)
    for item in inputs:
        if item.readable == 0 and args.until is None:
            raise market.BadInput(f"{item.path}: no readable line")


if __name__ == "__main__":
    try:
        main()
    except market.BadInput as why:
        print(f"error: {why}", file=sys.stderr)
        sys.exit(65)

#!/usr/bin/env python3
"""What a tenant's journal fires: `journal cat --json` on standard input, triggers as JSON lines on standard output.

The computation is the one for files. Here symbols, suffix and pairs are those of the settings, history moves state
and fires nothing, what a producer wrote twice counts once, and an alert's version counts from its record on.
"""

import json
import sys
from itertools import groupby, product

import alerts
import indicators
import market
from bellwether_reference import Bar, Engine, World
from market import LATENESS, TIMEFRAMES, BadInput, parse_time

# Settings of which this knows one value only.
FIXED = {"price_basis": "bid", "lateness_max": LATENESS, "session_anchor": "17:00 America/New_York", "absurd_band": 0.2,
         "heatmap_cooldown": alerts.COOLDOWN, "heatmap_suppression": alerts.SUPPRESSION}


class Closes(indicators.Series):
    """A series of which nobody asks more than closes and RSI."""

    def close(self, bar):
        row = indicators.Row()
        row.bar, row.close = bar, bar.close
        row.rsi = {p: r.update(bar.close) for p, r in self.rsi.items()}
        self.rows = self.rows[-1:] + [row]
        return row


class OfJournal(Engine):
    """An engine whose alerts come and go. Series and readings that none of them ever looks at are left out."""

    def __init__(self, world, utc, every, output):
        super().__init__(world, utc, every, None, None, output)
        self.bar_alerts, self.tick_alerts = [], []
        heatmaps = [a for a in every if isinstance(a, alerts.HeatmapTracker)]
        cells = {key for alert in every for key in alert.cells()}
        own = {alert.timeframe for alert in every if getattr(alert, "timeframe", None) is not None}
        self.timeframes = sorted(own | {timeframe for _, timeframe in cells})
        self.windows = sorted({window for alert in every for window in alert.windows()})
        self.shown = {(symbol, alert.style) for alert in heatmaps for symbol in alert.symbols}
        for key in product(range(len(world.symbols)), self.timeframes):
            if key not in cells:
                self.series[key] = Closes(self.periods)

    def watch(self, alert):
        """From here on, in place of the version before."""
        self.forget(alert.id)
        on_ticks = isinstance(alert, alerts.PriceAlert) and alert.timeframe is None
        (self.tick_alerts if on_ticks else self.bar_alerts).append(alert)

    def forget(self, alert_id):
        for group in (self.bar_alerts, self.tick_alerts):
            group[:] = [alert for alert in group if alert.id != alert_id]

    def read_heatmaps(self, now):
        for symbol, style in self.shown:
            if any((symbol, timeframe) in now.closed for timeframe in indicators.WEIGHTS[style]):
                by_timeframe = {timeframe: self.series[(symbol, timeframe)] for timeframe in indicators.WEIGHTS[style]}
                reading = indicators.heatmap(style, by_timeframe)
                if reading is not None:
                    now.heatmaps[(symbol, style)] = reading

    def take_history(self, bars):
        """Bars that end at one time: all of them join before anything closes."""
        self.of_history = True
        for symbol, timeframe, bar in bars:
            # Minutes build every timeframe; a longer bar is given as such.
            for joined in self.timeframes if timeframe == 0 else [timeframe]:
                if joined in self.timeframes:
                    self.join_bar(symbol, joined, bar)
        self.advance(bars[0][2].end + LATENESS)
        self.of_history = False

    def join_bar(self, symbol, timeframe, given):
        there = self.open_at(symbol, timeframe, given.open_time)
        if there is not None:
            there.join(given)
            return
        opened, end = market.limits(timeframe, given.open_time, symbol in self.utc)
        bar = Bar(opened, end, given.first, given.open)
        bar.ticks = 0
        bar.join(given)
        self.begin(symbol, timeframe, bar)


def history_bar(symbol, given):
    """(symbol, timeframe, bar) of a bar of a `bar_block`: prices are whole numbers over a power of ten."""
    timeframe = TIMEFRAMES.index(given["timeframe"])
    opened, end = parse_time(given["open_time"]), parse_time(given["close_time"])
    price = {name: given[name] / 10 ** given["scale"] for name in ("open", "high", "low", "close")}
    bar = Bar(opened, end, opened, price["open"])
    bar.high, bar.low, bar.close, bar.ticks = price["high"], price["low"], price["close"], given["ticks"]
    bar.last = end - 1
    return symbol, timeframe, bar


class Player:
    """Plays the records of a journal in their order."""

    def __init__(self, lines, output):
        self.lines, self.output = lines, output
        self.world = self.engine = None
        self.places, self.positions, self.versions, self.seen = {}, {}, {}, {}

    def play(self):
        for line in self.lines:
            getattr(self, line["type"])(line["record"])

    def settings_changed(self, record):
        if self.engine is not None:
            raise BadInput("settings that change are more than this knows")
        settings = record["settings"]
        for name, value in FIXED.items():
            if settings[name] != value:
                raise BadInput(f"{name} is {settings[name]!r}, this knows {value!r}")
        alerts.TENANT, market.SUFFIX = record["origin"]["tenant"], settings["symbol_suffix"]
        names = [symbol["name"] for symbol in settings["symbols"]]
        self.world = World(names, settings["positive_pairs"], settings["negative_pairs"])
        utc = {place for place, symbol in enumerate(settings["symbols"]) if symbol["always_open"]}
        every = [self.alert(line["record"]) for line in self.lines if line["type"] == "alert_changed"]
        self.positions.clear()
        self.engine = OfJournal(self.world, utc, [alert for alert in every if alert is not None], self.output)

    def alert(self, record):
        """None where it is refused: the version before stays."""
        position = self.positions.setdefault(record["alert_id"], len(self.positions))
        kinds = {kind.kind: kind for kind in alerts.KINDS}
        row = record[record["kind"]] | {"id": record["alert_id"], "user_id": record["user_id"]}
        try:
            alert = kinds[record["kind"]](row, position, self.world)
        except alerts.Refused as why:
            print(f"alert {record['alert_id']} refused: {why}", file=sys.stderr)
            return None
        alert.version = record["version"]
        return alert

    def alert_changed(self, record):
        if record["version"] <= self.versions.get(record["alert_id"], 0):
            return
        self.versions[record["alert_id"]] = record["version"]
        alert = self.alert(record)
        if record["deleted"] or not record["active"]:
            self.engine.forget(record["alert_id"])
        elif alert is not None:
            self.engine.watch(alert)

    def calendar_item(self, record):
        """News fires nothing."""

    def heartbeat(self, record):
        self.engine.advance(parse_time(record["ts"]))

    def bar_block(self, record):
        for _, bars in groupby(record["bars"], key=lambda bar: bar["close_time"]):
            self.engine.take_history([history_bar(self.place(bar["symbol"]), bar) for bar in bars])

    def tick_block(self, record):
        self.engine.play(map(self.tick, self.numbered(record)))

    def numbered(self, record):
        """Ticks whose number is above the last one of their session and symbol."""
        for number, tick in enumerate(record["ticks"], record["first_seq"]):
            key = record["origin"]["source"], record["origin"]["session"], tick["symbol"]
            if number > self.seen.get(key, -1):
                self.seen[key] = number
                yield tick

    def tick(self, tick):
        place = self.place(tick["symbol"])
        return parse_time(tick["ts"]), place, tick["bid"], tick["ask"], tick["judged"], tick["spacing"]

    def place(self, name):
        if name not in self.places:
            self.places[name] = market.resolve(name, self.world.symbols)
        return self.places[name]


def main():
    lines = [json.loads(line) for line in sys.stdin]
    Player(lines, sys.stdout).play()


if __name__ == "__main__":
    try:
        main()
    except BadInput as why:
        print(f"error: {why}", file=sys.stderr)
        sys.exit(65)

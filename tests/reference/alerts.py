"""The six alert kinds (alerts.md 3, fine-print.md "Alerts") and the triggers they make (records.md 3).

Every alert is asked at every instant: there is no index.
"""

import json
import sys
import uuid

import market
from indicators import CELLS, CURRENCIES, STYLES, WEIGHTS
from market import HOUR, NOMINAL, TIMEFRAMES, BadInput, full_time, parse_time, resolve, show_time, timeframe_index

TENANT = "backtest"
NAMESPACE = uuid.UUID("64a1b937-bfe8-5204-bbd3-75bb08ade502")
COOLDOWN, SUPPRESSION = 4 * HOUR, 24 * HOUR


class Refused(Exception):
    """An alert that cannot be accepted."""


def number(row, column, default=None, low=None, high=None):
    value = row.get(column)
    value = default if value is None else float(value)
    if value is None:
        return None
    if low is not None and not low <= value <= high:
        raise Refused(f"{column} {value} is outside {low} to {high}")
    return value


def tracker_timeframe(row):
    try:
        return max(1, timeframe_index(row.get("timeframe") or "1H"))
    except ValueError:
        raise Refused(f"timeframe {row.get('timeframe')!r}") from None


class Alert:
    kind = None

    def __init__(self, row, position, world):
        self.id = str(uuid.UUID(row["id"])) if row.get("id") else str(uuid.uuid5(NAMESPACE, f"alert {position}"))
        self.user = str(uuid.UUID(row["user_id"])) if row.get("user_id") else str(uuid.uuid5(NAMESPACE, "user"))
        self.position, self.world, self.version = position, world, 1
        self.configure(row)

    def periods(self):
        return []

    def windows(self):
        return []

    def cells(self):
        """(symbol, timeframe) of the series whose heatmap cells it looks at."""
        return []

    def at_instant(self, instant):
        return []

    def at_tick(self, tick):
        return []

    def symbols_of(self, row):
        names = row.get("pairs")
        names = json.loads(names) if isinstance(names, str) else names
        if not isinstance(names, list) or not 1 <= len(names) <= 3:
            raise Refused("pairs must be one to three symbols")
        found = []
        for name in names:
            place = resolve(name, self.world.symbols)
            if place is None:
                print(f"alert {self.position}: unknown symbol {name}", file=sys.stderr)
            elif place not in found:
                found.append(place)
        return sorted(found)

    def trigger(self, condition, opened, closed, timeframe=None, symbol=None, pair=None, cause_suffix="", **rest):
        """(sort key, line); `symbol` is a symbol's index, `pair` a Pair, `timeframe` an index or None."""
        name = "" if timeframe is None else TIMEFRAMES[timeframe]
        subject, place = "", 0
        if symbol is not None:
            subject, place = self.world.symbols[symbol], symbol
        if pair is not None:
            subject, place = pair.key, pair.place
        cause = [TENANT, self.kind, self.id, str(self.version), subject, name, full_time(opened) + cause_suffix, condition]
        line = {"type": "trigger", "id": str(uuid.uuid5(NAMESPACE, "|".join(cause))), "tenant": TENANT}
        line |= {"kind": self.kind, "alert_id": self.id, "alert_version": self.version, "user_id": self.user}
        if symbol is not None:
            line["symbol"] = subject
        if pair is not None:
            line["pair"] = subject
        line |= {"timeframe": name or None, "open_time": show_time(opened), "close_time": show_time(closed)}
        line |= {"condition": condition, **rest}
        order = 0 if condition == "strongest" else 1
        key = (KINDS.index(type(self)), place, -1 if timeframe is None else timeframe, self.position, order)
        return key, line


class RsiTracker(Alert):
    kind = "rsi_tracker"

    def configure(self, row):
        self.timeframe = tracker_timeframe(row)
        self.period = int(number(row, "rsi_period", 14, 5, 50))
        self.over = number(row, "rsi_overbought", 70.0, 60, 90)
        self.under = number(row, "rsi_oversold", 30.0, 10, 40)
        self.seen = set()

    def periods(self):
        return [self.period]

    def at_instant(self, instant):
        if self.timeframe not in instant.timeframes:
            return
        for symbol in range(len(self.world.symbols)):
            row, before = instant.closed.get((symbol, self.timeframe), (None, None))
            if row is None or row.rsi[self.period] is None:
                continue
            if symbol not in self.seen:
                self.seen.add(symbol)
                continue
            now, then = row.rsi[self.period], before.rsi[self.period]
            condition = None
            if then < self.over <= now:
                condition, line = "overbought", self.over
            elif then > self.under >= now:
                condition, line = "oversold", self.under
            if condition and not instant.stale(self.timeframe):
                yield self.trigger(condition, row.bar.open_time, instant.time, self.timeframe, symbol=symbol,
                                   value=now, previous=then, threshold=line, price=row.close)


class RsiCorrelationTracker(Alert):
    kind = "rsi_correlation_tracker"

    def configure(self, row):
        self.timeframe = tracker_timeframe(row)
        self.mode = row.get("mode") or "rsi_threshold"
        if self.mode not in ("rsi_threshold", "real_correlation"):
            raise Refused(f"mode {self.mode!r}")
        self.period = int(number(row, "rsi_period", 14, 5, 50))
        self.over = number(row, "rsi_overbought", 70.0, 60, 90)
        self.under = number(row, "rsi_oversold", 30.0, 10, 40)
        self.window = int(number(row, "correlation_window", 50, 20, 120))
        if self.window not in (20, 50, 90, 120):
            raise Refused(f"correlation_window {self.window}")
        self.state = {}  # pair -> (mismatch, value) of the last evaluation

    def periods(self):
        return [self.period] if self.mode == "rsi_threshold" else []

    def windows(self):
        return [self.window] if self.mode == "real_correlation" else []

    def at_instant(self, instant):
        if self.timeframe not in instant.timeframes:
            return
        for pair in self.world.pairs:
            first, _ = instant.closed.get((pair.first, self.timeframe), (None, None))
            second, _ = instant.closed.get((pair.second, self.timeframe), (None, None))
            if first is None or second is None:
                continue
            found = self.rsi(pair, first, second) if self.mode == "rsi_threshold" else self.real(pair, instant)
            if found is None:
                continue
            mismatch, value = found
            before = self.state.get(pair.key)
            self.state[pair.key] = found
            if before is None or before[0] or not mismatch or instant.stale(self.timeframe):
                continue
            condition, line = "rsi_mismatch", None
            if self.mode == "real_correlation":
                condition, line = "real_mismatch", 0.25 if pair.positive else -0.15
            yield self.trigger(condition, first.bar.open_time, instant.time, self.timeframe, pair=pair,
                               value=value, previous=before[1], threshold=line, price=None)

    def rsi(self, pair, first, second):
        a, b = first.rsi[self.period], second.rsi[self.period]
        if a is None or b is None:
            return None
        if pair.positive:
            mismatch = max(a, b) >= self.over and min(a, b) <= self.under
        else:
            mismatch = min(a, b) >= self.over or max(a, b) <= self.under
        return mismatch, (a + b) / 2

    def real(self, pair, instant):
        value = instant.correlations[(pair.place, self.timeframe, self.window)]
        if value is None:
            return None
        return (value < 0.25 if pair.positive else value > -0.15), value


class HeatmapState:
    """One alert and symbol: `step` says which side fires at a reading, or None."""

    def __init__(self):
        self.inside = None  # (buy, sell, buy percent, sell percent) at the reading before
        self.fired = None  # (side, close) of the last trigger

    def step(self, time, buy, sell, buy_line, sell_line, stale=False):
        before, self.inside = self.inside, (buy >= buy_line, sell >= sell_line)
        if before is None or stale:
            return None
        for side in (0, 1):
            if not self.inside[side] or before[side]:
                continue
            if self.fired is not None:
                fired_side, fired_at = self.fired
                if time < fired_at + COOLDOWN or (side == fired_side and time < fired_at + SUPPRESSION):
                    continue
            self.fired = (side, time)
            return ("buy", "sell")[side]
        return None


class HeatmapTracker(Alert):
    kind = "heatmap_tracker"

    def configure(self, row):
        style = row.get("trading_style") or "swingTrader"
        if style not in STYLES:
            raise Refused(f"trading_style {style!r}")
        self.style, self.symbols = STYLES.index(style), self.symbols_of(row)
        self.buy_line = number(row, "buy_threshold", 70.0, 0, 100)
        sell = number(row, "sell_threshold", 30.0, 0, 100)
        self.sell_line = sell if sell >= 50 else 100 - sell
        self.states = {s: HeatmapState() for s in self.symbols}
        self.before = {}

    def cells(self):
        return [(symbol, timeframe) for symbol in self.symbols for timeframe in WEIGHTS[self.style]]

    def at_instant(self, instant):
        for symbol in self.symbols:
            reading = instant.heatmaps.get((symbol, self.style))
            if reading is None:
                continue
            timeframe = min(tf for tf in WEIGHTS[self.style] if (symbol, tf) in instant.closed)
            row, _ = instant.closed[(symbol, timeframe)]
            before, self.before[symbol] = self.before.get(symbol), reading
            side = self.states[symbol].step(instant.time, reading.buy, reading.sell, self.buy_line, self.sell_line,
                                            instant.stale(timeframe))
            if side is None:
                continue
            now, then, line = reading.buy, before.buy, self.buy_line
            if side == "sell":
                now, then, line = reading.sell, before.sell, self.sell_line
            yield self.trigger(side, row.bar.open_time, instant.time, timeframe, symbol=symbol,
                               value=now, previous=then, threshold=line, price=row.close)


class HeatmapIndicatorTracker(Alert):
    kind = "heatmap_indicator_tracker"

    def configure(self, row):
        self.timeframe, self.symbols = tracker_timeframe(row), self.symbols_of(row)
        name = str(row.get("indicator")).strip().upper()
        self.indicator = "ICHIMOKU" if name.startswith("ICHIMOKU") else name
        if self.indicator not in CELLS:
            raise Refused(f"indicator {row.get('indicator')!r}")
        self.last = {}  # symbol -> last non-neutral signal, 0 where none was yet

    def cells(self):
        return [(symbol, self.timeframe) for symbol in self.symbols]

    def signal(self, row):
        if self.indicator == "MACD":
            return row.cross_macd if row.cross_macd * row.macd > 0 else 0
        if self.indicator == "RSI":
            return row.cross_rsi
        if self.indicator == "UTBOT":
            return row.flip
        if self.indicator == "ICHIMOKU":
            return row.cells["ICHIMOKU"][0]
        return getattr(row, "cross_" + self.indicator.lower())

    def values(self, row, before, signal):
        if self.indicator == "MACD":
            return row.macd, before.macd, row.macd_signal
        if self.indicator == "RSI":
            return row.rsi[14], before.rsi[14], 50.0
        if self.indicator == "UTBOT":
            return row.close, before.close, row.short_stop if signal > 0 else row.long_stop
        if self.indicator == "ICHIMOKU":
            return row.close, before.close, None
        return row.close, before.close, getattr(row, self.indicator.lower())

    def at_instant(self, instant):
        for symbol in self.symbols:
            row, before = instant.closed.get((symbol, self.timeframe), (None, None))
            if row is None or row.cells[self.indicator] is None:
                continue
            signal, first = self.signal(row), symbol not in self.last
            last = self.last.setdefault(symbol, 0)
            if signal == 0 or signal == last:
                continue
            self.last[symbol] = signal
            if first or instant.stale(self.timeframe):
                continue
            value, previous, line = self.values(row, before, signal)
            yield self.trigger("buy" if signal > 0 else "sell", row.bar.open_time, instant.time, self.timeframe,
                               symbol=symbol, value=value, previous=previous, threshold=line, price=row.close)


class CurrencyStrengthTracker(Alert):
    kind = "currency_strength_tracker"

    def configure(self, row):
        self.timeframe = tracker_timeframe(row)
        self.before = None

    def at_instant(self, instant):
        reading = instant.strengths.get(self.timeframe)
        if reading is None:
            return
        before, self.before = self.before, reading
        if before is None or instant.stale(self.timeframe):
            return
        for role in ("strongest", "weakest"):
            now, then = getattr(reading, role), getattr(before, role)
            if now != then:
                detail = {"from": then, "to": now}
                if market.VERSION >= 3:
                    detail["scores"] = {c: reading.scores.get(c) for c in CURRENCIES}
                yield self.trigger(role, reading.open_time, instant.time, self.timeframe,
                                   value=reading.scores[now], previous=before.scores.get(now), threshold=None,
                                   price=None, detail=detail)


class PriceAlert(Alert):
    kind = "price_alert"

    def configure(self, row):
        self.symbol = resolve(str(row.get("symbol")), self.world.symbols)
        if self.symbol is None:
            raise Refused(f"unknown symbol {row.get('symbol')!r}")
        self.above, self.below = number(row, "above"), number(row, "below")
        if self.above is None and self.below is None:
            raise Refused("neither above nor below")
        on_close = row.get("on_close")
        try:
            self.timeframe = None if on_close in (None, "tick") else timeframe_index(on_close)
        except ValueError:
            raise Refused(f"on_close {on_close!r}") from None
        if row.get("fires") not in (None, "once", "every"):
            raise Refused(f"fires {row.get('fires')!r}")
        self.once = row.get("fires") != "every"
        self.expires = parse_time(row["expires_at"]) if row.get("expires_at") else None
        self.before, self.spent = None, False

    def step(self, time, price, stale):
        """(condition, level, price before) where this price crosses a level."""
        if self.spent or (self.expires is not None and time >= self.expires):
            return None
        before, self.before = self.before, price
        if before is None or stale:
            return None
        hit = None
        if self.above is not None and before < self.above <= price:
            hit = "above", self.above, before
        elif self.below is not None and before > self.below >= price:
            hit = "below", self.below, before
        if hit and self.once:
            self.spent = True
        return hit

    def at_instant(self, instant):
        if self.timeframe is None or (self.symbol, self.timeframe) not in instant.closed:
            return
        row, _ = instant.closed[(self.symbol, self.timeframe)]
        hit = self.step(instant.time, row.close, instant.stale(self.timeframe))
        if hit:
            yield self.trigger(hit[0], row.bar.open_time, instant.time, self.timeframe, symbol=self.symbol,
                               value=row.close, previous=hit[2], threshold=hit[1], price=row.close)

    def at_tick(self, tick):
        if self.timeframe is not None or tick.symbol != self.symbol:
            return
        hit = self.step(tick.time, tick.bid, False)
        if hit:
            yield self.trigger(hit[0], tick.time, tick.time, symbol=self.symbol, cause_suffix=f"#{tick.same_time}",
                               value=tick.bid, previous=hit[2], threshold=hit[1], price=tick.bid)


KINDS = [RsiTracker, RsiCorrelationTracker, HeatmapTracker, HeatmapIndicatorTracker, CurrencyStrengthTracker, PriceAlert]


def load(path, world):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    if not isinstance(rows, list):
        raise BadInput(f"{path}: not a JSON array")
    kinds = {k.kind: k for k in KINDS}
    found = []
    for position, row in enumerate(rows):
        if row.get("is_active") is False:
            continue
        try:
            if row.get("kind") not in kinds:
                raise Refused(f"kind {row.get('kind')!r}")
            found.append(kinds[row["kind"]](row, position, world))
        except Refused as why:
            print(f"alert {position} refused: {why}", file=sys.stderr)
    return found


def stale(watermark, closed, timeframe):
    return watermark - closed > 2 * NOMINAL[timeframe]



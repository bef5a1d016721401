"""Indicators, cells and the two-symbol readings (alerts.md 2, fine-print.md "Indicators")."""

import math

import market

RSI_CELL, CELLS = 14, ["EMA21", "EMA50", "EMA200", "MACD", "RSI", "UTBOT", "ICHIMOKU"]
CURRENCIES = ["USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "NZD"]
LONG, SHORT = 1, -1
KEPT = 40  # rows looked back at: 26 for the cloud, 3 for `new`


def cross(before, now):
    """+1 where d = a - b went up through 0, -1 down, 0 otherwise; a missing one is no cross."""
    if before is None or now is None:
        return 0
    if before <= 0 < now:
        return 1
    if before >= 0 > now:
        return -1
    return 0


def minus(a, b):
    return None if a is None or b is None else a - b


class Mean:
    """The seed: the mean of the first p values, None before, then False."""

    def __init__(self, period):
        self.period, self.count, self.total = period, 0, 0.0

    def add(self, x):
        self.total += x
        self.count += 1
        return self.total / self.period if self.count == self.period else None


class Ema:
    def __init__(self, period):
        self.k, self.seed, self.value = 2 / (period + 1), Mean(period), None

    def update(self, x):
        if self.value is None:
            self.value = self.seed.add(x)
        else:
            self.value += self.k * (x - self.value)
        return self.value


class Wilder:
    def __init__(self, period):
        self.period, self.seed, self.value = period, Mean(period), None

    def update(self, x):
        if self.value is None:
            self.value = self.seed.add(x)
        else:
            self.value = (self.value * (self.period - 1) + x) / self.period
        return self.value


class Rsi:
    """Over a close that equals the one before, the averages decay as always and the value stays (since version 2)."""

    def __init__(self, period):
        self.gain, self.loss, self.before, self.value = Wilder(period), Wilder(period), None, None

    def update(self, close):
        before, self.before = self.before, close
        if before is None:
            return None
        change = close - before
        gain = self.gain.update(change if change > 0 else 0.0)
        loss = self.loss.update(-change if change < 0 else 0.0)
        if gain is None:
            return None
        if change != 0 or self.value is None or market.VERSION < 2:
            self.value = self.index(gain, loss)
        return self.value

    @staticmethod
    def index(gain, loss):
        if loss == 0:
            return 100.0 if gain > 0 else 50.0
        return 100 - 100 / (1 + gain / loss)


class Row:
    """Everything known of one closed bar."""

    __slots__ = (
        "bar close rsi ema21 ema50 ema200 macd macd_signal macd_histogram atr10 long_stop short_stop mode tenkan kijun "
        "span_a span_b senkou_a senkou_b position cross_ema21 cross_ema50 cross_ema200 cross_macd cross_rsi edge_rsi "
        "flip cross_tk breakout cells quiet score_sum count"
    ).split()


class Series:
    """The closed bars of one symbol and timeframe."""

    def __init__(self, periods):
        self.rsi = {p: Rsi(p) for p in periods}
        self.ema = {p: Ema(p) for p in (12, 21, 26, 50, 200)}
        self.signal, self.atr = Ema(9), Wilder(10)
        self.highs, self.lows, self.atrs, self.rows = [], [], [], []
        self.count = 0

    def close(self, bar):
        before = self.rows[-1] if self.rows else None
        self.count += 1
        row = Row()
        row.bar, row.close, row.count = bar, bar.close, self.count
        row.rsi = {p: r.update(bar.close) for p, r in self.rsi.items()}
        self._averages(row, bar, before)
        self._utbot(row, before)
        self._ichimoku(row, bar)
        self._events(row, before)
        self.rows.append(row)
        if len(self.rows) > 20 * KEPT:
            del self.rows[:-KEPT]
            del self.highs[:-60], self.lows[:-60]
        self._cells(row)
        return row

    def _averages(self, row, bar, before):
        ema = {p: e.update(bar.close) for p, e in self.ema.items()}
        row.ema21, row.ema50, row.ema200 = ema[21], ema[50], ema[200]
        line = minus(ema[12], ema[26])
        signal = None if line is None else self.signal.update(line)
        row.macd = None if signal is None else line
        row.macd_signal, row.macd_histogram = signal, minus(row.macd, signal)
        true_range = bar.high - bar.low
        if before is not None:
            true_range = max(true_range, abs(bar.high - before.close), abs(bar.low - before.close))
        row.atr10 = self.atr.update(true_range)
        row.quiet = False
        if row.atr10 is not None:
            self.atrs = (self.atrs + [row.atr10])[-200:]
            row.quiet = len(self.atrs) == 200 and row.atr10 < sorted(self.atrs)[10]

    def _utbot(self, row, before):
        row.long_stop = row.short_stop = row.mode = None
        row.flip = 0
        if row.ema50 is None:
            return
        mode = before.mode if before is not None and before.mode is not None else 0
        low, high = row.ema50 - 3 * row.atr10, row.ema50 + 3 * row.atr10
        if mode == LONG:
            low = max(low, before.long_stop)
        if mode == SHORT:
            high = min(high, before.short_stop)
        row.mode = mode
        if mode != SHORT and row.close < low:
            row.mode = SHORT
        elif mode != LONG and row.close > high:
            row.mode = LONG
        row.flip = row.mode if row.mode != mode else 0
        row.long_stop, row.short_stop = low, high

    def _ichimoku(self, row, bar):
        self.highs.append(bar.high)
        self.lows.append(bar.low)

        def middle(n):
            return None if self.count < n else (max(self.highs[-n:]) + min(self.lows[-n:])) / 2

        row.tenkan, row.kijun, row.span_b = middle(9), middle(26), middle(52)
        row.span_a = None if row.kijun is None else (row.tenkan + row.kijun) / 2
        row.senkou_a = row.senkou_b = row.position = None
        if len(self.rows) >= 26:
            row.senkou_a, row.senkou_b = self.rows[-26].span_a, self.rows[-26].span_b
        if row.senkou_b is not None:
            top, bottom = max(row.senkou_a, row.senkou_b), min(row.senkou_a, row.senkou_b)
            row.position = 1 if row.close > top else -1 if row.close < bottom else 0

    def _events(self, row, before):
        for name in ("ema21", "ema50", "ema200"):
            then = None if before is None else minus(before.close, getattr(before, name))
            setattr(row, "cross_" + name, cross(then, minus(row.close, getattr(row, name))))
        now, then = row.rsi[RSI_CELL], None if before is None else before.rsi[RSI_CELL]
        row.cross_rsi = cross(minus(then, 50), minus(now, 50))
        row.edge_rsi = then is not None and ((now <= 30) != (then <= 30) or (now >= 70) != (then >= 70))
        row.cross_macd = row.cross_tk = 0
        row.breakout = False
        if before is not None:
            row.cross_macd = cross(before.macd_histogram, row.macd_histogram)
            row.cross_tk = cross(minus(before.tenkan, before.kijun), minus(row.tenkan, row.kijun))
            moved = before.position is not None and row.position != before.position
            row.breakout = bool(row.position) and moved

    def _cells(self, row):
        last = self.rows[-3:]
        cells = {}
        for name in ("ema21", "ema50", "ema200"):
            average = getattr(row, name)
            signal = None if average is None else sign(row.close - average)
            cells[name.upper()] = cell(signal, any(getattr(r, "cross_" + name) for r in last))
        signal = None
        if row.macd is not None:
            d = row.macd_histogram
            signal = 1 if d > 0 and row.macd > 0 else -1 if d < 0 and row.macd < 0 else 0
        cells["MACD"] = cell(signal, any(r.cross_macd for r in last), row.quiet)
        rsi = row.rsi[RSI_CELL]
        signal = None if rsi is None else 1 if rsi <= 30 else -1 if rsi >= 70 else 0
        cells["RSI"] = cell(signal, any(r.cross_rsi or r.edge_rsi for r in last))
        signal = None
        if row.mode is not None:
            signal = 1 if row.close > row.short_stop else -1 if row.close < row.long_stop else 0
        cells["UTBOT"] = cell(signal, any(r.flip for r in last), row.quiet)
        signal = None
        if row.position is not None:
            crosses = [r.cross_tk for r in last if r.cross_tk]
            if row.position:
                signal = row.position
            else:
                signal = crosses[-1] if crosses else sign(row.senkou_a - row.senkou_b)
        cells["ICHIMOKU"] = cell(signal, any(r.cross_tk or r.breakout for r in last))
        row.cells = cells
        row.score_sum = sum(c[2] for c in cells.values() if c is not None)

    def enough(self):
        return self.count >= 60


def sign(x):
    return 1 if x > 0 else -1 if x < 0 else 0


def cell(signal, new, halved=False):
    """(signal, new, score) or None where the cell is missing."""
    if signal is None:
        return None
    score = signal * (1.25 if new else 1.0)
    if halved:
        score /= 2
    return signal, new, max(-1.25, min(1.25, score))


# ---- style heatmaps ----

STYLES = ["scalper", "swingTrader"]
WEIGHTS = [{1: 30, 2: 30, 3: 20, 4: 15, 5: 5}, {3: 10, 4: 25, 5: 35, 6: 30}]
ACTS_AT = [25, 15]


class Heatmap:
    """Reading of a style from {timeframe index: latest row} of those with 60 bars, or None by `heatmap`."""

    def __init__(self, style, present):
        total = sum(WEIGHTS[style][tf] for tf in present)
        points = sum(WEIGHTS[style][tf] * row.score_sum for tf, row in present.items())
        self.coverage = total / 100
        self.raw = points / (7 * total)
        self.final = max(-100.0, min(100.0, 80 * points / (7 * total)))
        self.buy = (self.final + 100) / 2
        self.sell = 100 - self.buy
        limit = ACTS_AT[style]
        self.label = "buy" if self.final >= limit else "sell" if self.final <= -limit else "wait"


def heatmap(style, series_by_tf):
    present = {tf: s.rows[-1] for tf, s in series_by_tf.items() if tf in WEIGHTS[style] and s.enough()}
    if sum(WEIGHTS[style][tf] for tf in present) < 50:
        return None
    return Heatmap(style, present)


# ---- two and more symbols ----


def pearson(xs, ys):
    """Two-pass; None where all of one side are equal."""
    if all(x == xs[0] for x in xs) or all(y == ys[0] for y in ys):
        return None
    n = len(xs)
    mx, my = sum(xs) / n, sum(ys) / n
    sxy = sxx = syy = 0.0
    for x, y in zip(xs, ys):
        dx, dy = x - mx, y - my
        sxy += dx * dy
        sxx += dx * dx
        syy += dy * dy
    if sxx == 0 or syy == 0:
        return None
    return max(-1.0, min(1.0, sxy / (math.sqrt(sxx) * math.sqrt(syy))))


class PairReturns:
    """Returns of two symbols between successive instants at which both closed a bar."""

    def __init__(self):
        self.before, self.first, self.second = None, [], []

    def add(self, a, b):
        if self.before is not None:
            self.first.append(math.log(a / self.before[0]))
            self.second.append(math.log(b / self.before[1]))
            if len(self.first) > 1000:
                del self.first[:-120], self.second[:-120]
        self.before = (a, b)

    def correlation(self, n):
        if len(self.first) < n:
            return None
        return pearson(self.first[-n:], self.second[-n:])


class Strength:
    """Scores from [(base, quote, log return)] in the listed order."""

    def __init__(self, returns):
        total = {}
        for base, quote, r in returns:
            for currency, x in ((base, r), (quote, -r)):
                s, n = total.get(currency, (0.0, 0))
                total[currency] = (s + x, n + 1)
        self.averages = {c: total[c][0] / total[c][1] for c in CURRENCIES if c in total}
        top, bottom = max(self.averages.values()), min(self.averages.values())
        if top == bottom:
            self.scores = {c: 0.0 for c in self.averages}
        else:
            self.scores = {c: 200 * (a - bottom) / (top - bottom) - 100 for c, a in self.averages.items()}
        # Where nobody leads there is no reading, since version 2.
        self.says_something = top != bottom or market.VERSION < 2
        self.strongest = next(c for c in self.averages if self.averages[c] == top)
        self.weakest = next(c for c in self.averages if self.averages[c] == bottom)


def legs(name):
    """(base, quote) of a six-letter name whose legs are both among the currencies."""
    name = name.upper()
    if len(name) == 6 and name[:3] in CURRENCIES and name[3:] in CURRENCIES:
        return name[:3], name[3:]
    return None

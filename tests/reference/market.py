"""Inputs, their merged and clocked stream, and the limits of bars (interface.md 2, fine-print.md "Files")."""

import gzip
import heapq
import re
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATENESS = 2 * SECOND
SUFFIX = "m"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Whose rules hold: in version 1 RSI over a still close was computed anew, equal currencies were a reading, and bars of
# files were ticks like any other; before version 3 a strength trigger told of the leader alone.
VERSION = 3

TIMEFRAMES = ["1M", "5M", "15M", "30M", "1H", "4H", "1D", "1W"]
NOMINAL = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, DAY, 7 * DAY]
ALIASES = {"M1": "1M", "M5": "5M", "M15": "15M", "M30": "30M", "H1": "1H", "H4": "4H", "D1": "1D", "W1": "1W"}


class BadInput(Exception):
    """A file of which no line can be read, or a fault in the alerts file."""


def timeframe_index(name):
    name = name.strip().upper()
    return TIMEFRAMES.index(ALIASES.get(name, name))


def micros(moment):
    delta = moment - EPOCH
    return (delta.days * 86400 + delta.seconds) * SECOND + delta.microseconds


def parse_time(text):
    """RFC 3339 (no zone: UTC), 13 digits as milliseconds or 16 as microseconds."""
    text = text.strip()
    if text.isdigit():
        if len(text) == 13:
            return int(text) * 1000
        if len(text) == 16:
            return int(text)
        raise ValueError("neither 13 nor 16 digits")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return micros(moment)


def show_time(ts):
    moment = EPOCH + timedelta(microseconds=ts)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{ts % SECOND:06d}".rstrip("0") if ts % SECOND else "") + "Z"


def full_time(ts):
    return (EPOCH + timedelta(microseconds=ts)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ts % SECOND:06d}Z"


# ---- names -----------------------------------------------------------------------------------------------------


def plain(name):
    return name.replace("/", "").replace(" ", "").lower()


def resolve(name, symbols):
    """Index of the listed symbol that `name` means: as it is, else with the suffix; None where none is listed."""
    listed = [plain(s) for s in symbols]
    for wanted in (plain(name), plain(name + SUFFIX)):
        if wanted in listed:
            return listed.index(wanted)
    return None


def without_suffix(symbol):
    return symbol[: -len(SUFFIX)] if symbol.endswith(SUFFIX) and len(symbol) > len(SUFFIX) else symbol


# ---- limits of bars --------------------------------------------------------------------------------------------

NEW_YORK = ZoneInfo("America/New_York")
_anchors = {}


def _anchor(day, utc):
    """The instant at which the trading day named by local date `day` begins."""
    key = (day, utc)
    if key not in _anchors:
        if utc:
            _anchors[key] = micros(datetime(day.year, day.month, day.day, tzinfo=timezone.utc))
        else:
            local = datetime(day.year, day.month, day.day, 17, tzinfo=NEW_YORK)
            _anchors[key] = micros(local.astimezone(timezone.utc))
    return _anchors[key]


def _trading_day(ts, utc):
    day = (EPOCH + timedelta(microseconds=ts)).date() + timedelta(days=1)
    while _anchor(day, utc) > ts:
        day -= timedelta(days=1)
    return day


def limits(timeframe, ts, utc):
    """(open, end) of the bar of timeframe index `timeframe` that holds `ts`."""
    if timeframe <= 4:
        length = NOMINAL[timeframe]
        opened = ts - ts % length
        return opened, opened + length
    day = _trading_day(ts, utc)
    start, end = _anchor(day, utc), _anchor(day + timedelta(days=1), utc)
    if timeframe == 5:
        opened = start + (ts - start) // (4 * HOUR) * 4 * HOUR
        return opened, min(opened + 4 * HOUR, end)
    if timeframe == 6:
        return start, end
    sunday = day - timedelta(days=(day.weekday() + 1) % 7)
    return _anchor(sunday, utc), _anchor(sunday + timedelta(days=7), utc)


# ---- files -----------------------------------------------------------------------------------------------------


def _lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if line:
                yield number, line


def _columns(header):
    return [c.strip().lower() for c in header.split(",")]


def detect(path):
    for _, line in _lines(path):
        columns = _columns(line)
        if {"open", "high", "low", "close"} <= set(columns):
            return "m1"
        if columns[0] == "gmt time":
            return "dukascopy"
        if columns[0] in ("ts", "timestamp") and "bid" in columns and "ask" in columns:
            return "ticks"
        if re.match(r"\d{8} \d{9},", line):
            return "histdata"
        if re.match(r"[A-Za-z0-9._/-]+,\d{8} \d\d:\d\d:\d\d", line):
            return "truefx"
    raise BadInput(f"{path}: form not recognised")


_number = re.compile(r"[+-]?\d*\.?\d*$")


def price(text):
    """A plain decimal as a double. More than 9 decimals: exact without its trailing zeros, else a double of 15
    digits, and what still has more than 9 decimals is rounded to 9, half to even."""
    text = text.strip()
    if not _number.match(text) or not any(c.isdigit() for c in text):
        raise ValueError(f"not a price: {text!r}")
    if len(text.partition(".")[2]) <= 9:
        return float(text)
    number = Decimal(text)
    if decimals(number.normalize()) > 9:
        number = Decimal(f"{float(text):.14e}")
        if decimals(number.normalize()) > 9:
            number = number.quantize(Decimal("1e-9"), rounding=ROUND_HALF_EVEN)
    return float(number)


def decimals(number):
    return max(0, -number.as_tuple().exponent)


class Input:
    """One --input: yields (ts, symbol index or None where the line names another symbol, bid, ask)."""

    def __init__(self, symbol_index, symbol, path, form=None):
        self.symbol_index, self.symbol = symbol_index, symbol
        self.path, _, self.ask_path = path.partition("+")
        self.form = form or detect(self.path)
        self.unreadable = []
        self.readable = 0

    def ticks(self):
        for tick in getattr(self, "_" + self.form)():
            self.readable += 1
            yield tick

    def _refuse(self, number, why):
        self.unreadable.append((number, str(why)))

    def _agrees(self, name):
        """The symbol index where a line's own name means this input's symbol."""
        return self.symbol_index if resolve(name, [self.symbol]) == 0 else None

    def _table(self, path):
        header = None
        for number, line in _lines(path):
            if header is None:
                header = _columns(line)
                continue
            fields = line.split(",")
            yield number, header, fields

    def _ticks(self):
        at = None
        for number, header, fields in self._table(self.path):
            if at is None:
                time_column = header.index("ts") if "ts" in header else header.index("timestamp")
                at = (time_column, header.index("bid"), header.index("ask"))
                name_at = header.index("symbol") if "symbol" in header else None
            try:
                ts = parse_time(fields[at[0]])
                bid, ask = price(fields[at[1]]), price(fields[at[2]])
                symbol = self.symbol_index if name_at is None else self._agrees(fields[name_at])
            except (ValueError, IndexError) as why:
                self._refuse(number, why)
                continue
            yield ts, symbol, bid, ask

    def _histdata(self):
        for number, line in _lines(self.path):
            try:
                stamp, bid, ask = line.split(",")[:3]
                if len(stamp) != 18:
                    raise ValueError("time")
                moment = datetime.strptime(stamp[:15], "%Y%m%d %H%M%S").replace(tzinfo=timezone.utc)
                ts = micros(moment) + int(stamp[15:]) * 1000 + 5 * HOUR
                yield ts, self.symbol_index, price(bid), price(ask)
            except ValueError as why:
                self._refuse(number, why)

    def _truefx(self):
        for number, line in _lines(self.path):
            try:
                name, stamp, bid, ask = line.split(",")[:4]
                fmt = "%Y%m%d %H:%M:%S.%f" if "." in stamp else "%Y%m%d %H:%M:%S"
                ts = micros(datetime.strptime(stamp.strip(), fmt).replace(tzinfo=timezone.utc))
                yield ts, self._agrees(name), price(bid), price(ask)
            except ValueError as why:
                self._refuse(number, why)

    def _dukascopy(self):
        for number, header, fields in self._table(self.path):
            try:
                stamp = fields[0].strip()
                fmt = "%d.%m.%Y %H:%M:%S.%f" if "." in stamp[10:] else "%d.%m.%Y %H:%M:%S"
                ts = micros(datetime.strptime(stamp, fmt).replace(tzinfo=timezone.utc))
                yield ts, self.symbol_index, price(fields[header.index("bid")]), price(fields[header.index("ask")])
            except (ValueError, IndexError) as why:
                self._refuse(number, why)

    def _bars(self, path):
        for number, header, fields in self._table(path):
            try:
                time_column = header.index("timestamp") if "timestamp" in header else header.index("ts")
                ts = parse_time(fields[time_column])
                yield ts, [price(fields[header.index(c)]) for c in ("open", "high", "low", "close")]
            except (ValueError, IndexError) as why:
                self._refuse(number, why)

    def _m1(self):
        asks = dict(self._bars(self.ask_path)) if self.ask_path else {}
        rows = list(self._bars(self.path))
        length = spacing(rows) if VERSION >= 2 else MINUTE
        of_bar = (True, length) if VERSION >= 2 else (False, None)
        guard = RowGuard(length)
        for ts, bid in rows:
            if VERSION >= 2 and guard.refuses(ts, bid[3]):
                continue
            ask = asks.get(ts, bid)
            opened, high, low, close = range(4)
            middle = (low, high) if bid[close] >= bid[opened] else (high, low)
            steps = ((opened, 0), (middle[0], length // 3), (middle[1], length * 2 // 3), (close, length - 1_000))
            for corner, after in steps:
                yield ts + after, self.symbol_index, bid[corner], max(ask[corner], bid[corner]), *of_bar


def spacing(rows):
    """The commonest difference of opens; of equally common ones the shortest."""
    steps = Counter(b[0] - a[0] for a, b in zip(rows, rows[1:]) if b[0] > a[0])
    return min(steps, key=lambda step: (-steps[step], step)) if steps else MINUTE


class RowGuard:
    """Judges a row of bars as a whole: by its close against the last accepted close, or the third of a refused run."""

    BAND = 0.20

    def __init__(self, length):
        self.length, self.measure, self.before, self.run = length, None, None, 0

    def refuses(self, ts, close):
        before, self.before = self.before, ts
        near = before is not None and ts - before <= self.length
        if not near or self.measure is None or abs(close - self.measure) <= self.BAND * self.measure:
            self.measure, self.run = close, 0
            return False
        self.run += 1
        if self.run == 3:
            self.measure, self.run = close, 0
        return True


def merged(inputs, until=None):
    """All inputs merged by their heads, ties in the order given."""
    streams = [i.ticks() for i in inputs]
    heads = []

    def advance(place):
        for tick in streams[place]:
            if until is None or tick[0] < until:
                heapq.heappush(heads, (tick[0], place, tick))
                return

    for place in range(len(streams)):
        advance(place)
    while heads:
        _, place, tick = heapq.heappop(heads)
        yield tick
        advance(place)


def clocked(ticks):
    """The stream with its heartbeats: (ts,) for a heartbeat, the tick otherwise."""
    beat, last = None, None
    for tick in ticks:
        ts = tick[0]
        if beat is None:
            beat = -(-ts // MINUTE) * MINUTE
        while beat <= ts:
            yield (beat,)
            beat += MINUTE
        last = ts if last is None else max(last, ts)
        yield tick
    if last is not None:
        yield (last - last % MINUTE + MINUTE + LATENESS,)


def report_unreadable(inputs):
    for item in inputs:
        for number, why in item.unreadable[:10]:
            print(f"{item.path}:{number}: {why}", file=sys.stderr)
        if item.unreadable:
            print(f"{item.path}: {len(item.unreadable)} lines cannot be read", file=sys.stderr)

#!/usr/bin/env python3
"""Seeded hard inputs for a backtest: `generate.py OUT --seed N` writes OUT/<scenario>/ with files, alerts.json and `arguments`.

`arguments` holds one argument a line, paths relative to its directory; check.py plays them through engine and reference.
"""

import argparse
import gzip
import json
import random
import uuid
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000  # milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIAT = """EURUSD GBPUSD USDJPY USDCHF AUDUSD USDCAD NZDUSD EURGBP EURJPY EURCHF EURAUD EURCAD EURNZD GBPJPY GBPCHF GBPAUD
GBPCAD GBPNZD AUDJPY AUDCHF AUDCAD AUDNZD NZDJPY NZDCHF NZDCAD CADJPY CADCHF CHFJPY""".split()
STARTS = {"XAUUSD": (175_000, 2), "XAGUSD": (32_500, 3), "USOIL": (9_800, 2), "BTCUSD": (430_000, 1), "ETHUSD": (23_500, 1)}


def ms(text):
    return int((datetime.fromisoformat(text).replace(tzinfo=timezone.utc) - EPOCH).total_seconds() * 1000)


def moment(ts):
    return EPOCH + timedelta(milliseconds=ts)


def market_open(ts):
    """The FX week, roughly: closed from Friday 21:30 to Sunday 21:10 UTC (gaps need not be exact)."""
    minute = moment(ts).weekday() * 1440 + moment(ts).hour * 60 + moment(ts).minute
    return not 4 * 1440 + 21 * 60 + 30 <= minute < 6 * 1440 + 21 * 60 + 10


class Walk:
    """Integer points of one symbol: trends, bursts, calm, flat stretches, and a factor shared by all symbols."""

    def __init__(self, rng, symbol, coarse=1, flat=0.1):
        self.rng, self.coarse, self.flat = rng, coarse, flat
        name = symbol.upper().removesuffix("M").replace("/", "")
        self.points, self.decimals = STARTS.get(name, (11_400, 2) if name.endswith("JPY") else (118_000, 5))
        if name.endswith("JPY"):
            self.points, self.decimals = 98_000, 3
        self.base, self.left, self.regime = self.points, 0, (0, 1, 0)

    def step(self, shared):
        if self.left == 0:
            self.left = self.rng.choice([5, 20, 60, 200, 500])
            volatility = 0 if self.rng.random() < self.flat else self.rng.choice([0.1, 0.3, 1, 1, 2, 5])
            self.regime = (self.rng.gauss(0, 0.15) * volatility, volatility, self.rng.choice([-1, 0, 0.5, 1, 1]))
        self.left -= 1
        trend, volatility, loading = self.regime
        pull = (self.base - self.points) / self.base * 0.02
        relative = 2e-4 * (trend + volatility * (loading * shared + self.rng.gauss(0, 0.6))) + (pull if volatility else 0)
        self.points = max(10, self.points + round(self.points * relative / self.coarse) * self.coarse)
        return self.points

    def text(self, points):
        if self.decimals == 0:
            return str(points)
        sign, points = ("-" if points < 0 else ""), abs(points)
        return f"{sign}{points // 10**self.decimals}.{points % 10**self.decimals:0{self.decimals}d}"


class Shared:
    """The factor at a time, the same for every symbol that asks."""

    def __init__(self, rng):
        self.seed = rng.getrandbits(32)

    def at(self, slot):
        return random.Random(self.seed * 1_000_003 + slot).gauss(0, 1)


def ticks(rng, walk, shared, start, days, every, weekends=True, thin=1.0):
    """[(ts, points, spread)] about every `every` ms; `thin` is the share kept."""
    found, slot = [], 0
    for ts in range(start, start + days * DAY, every):
        slot += 1
        if weekends and not market_open(ts):
            continue
        points = walk.step(shared.at(slot))
        if rng.random() > thin:
            continue
        jitter = rng.choice([0, 0, rng.randrange(every), every - 1])
        found.append((ts + jitter, points, rng.choice([0, 1, 12, 12, 30])))
    return found


def gaps(rng, found, count, longest):
    """Takes stretches of ticks out."""
    for _ in range(count):
        if len(found) > 100:
            at = rng.randrange(len(found) - 50)
            end = found[at][0] + rng.randrange(longest)
            found = [t for t in found if not found[at][0] < t[0] < end]
    return found


# ---- faults of a feed, over [(ts, points, spread)] ----


def bursts(rng, found, count):
    """Several ticks of one time, with other bids."""
    out = []
    at = set(rng.sample(range(len(found)), min(count, len(found))))
    for place, (ts, points, spread) in enumerate(found):
        out.append((ts, points, spread))
        if place in at:
            out += [(ts, points + rng.choice([-3, -1, 0, 0, 1, 3]), spread) for _ in range(rng.randrange(1, 5))]
    return out


def disorder(rng, found, count):
    """Some within lateness, some late, some exactly at the edge of their minute plus 2 s."""
    out = list(found)
    for _ in range(count):
        at = rng.randrange(1, len(out))
        ts, points, spread = out[at]
        how = rng.randrange(5)
        if how == 0:
            late = (ts - rng.randrange(1, 2_000), points + rng.choice([-5, 0, 5]), spread)
        elif how == 1:
            late = (ts - rng.randrange(2_000, 180_000), points, spread)
        else:
            end = ts - ts % MINUTE
            edge = end + 2_000 - (how == 3)  # at 2 s the minute before is closed, a millisecond earlier it is open
            if not out[at - 1][0] <= edge or (at + 1 < len(out) and out[at + 1][0] < edge):
                continue
            out[at] = (edge, points, spread)
            late = (end - rng.choice([1, 2, 500, 60_000]), points + rng.choice([-40, 40]), spread)
        out.insert(at + 1, late)
    return out


def absurdities(rng, found, count):
    """Runs of 9, 10, 11 and more absurd bids, spanning less than, exactly and more than 5 s; jumps after about a minute."""
    out, places = [], set(rng.sample(range(20, len(found)), min(count, len(found) - 20)))
    for place, (ts, points, spread) in enumerate(found):
        out.append((ts, points, spread))
        if place not in places:
            continue
        factor = rng.choice([0.5, 0.79, 0.8, 1.2, 1.21, 1.21, 2.0])
        if rng.random() < 0.25:
            out.append((ts + rng.choice([59_999, 60_000, 60_001, 61_000]), round(points * factor), spread))
            continue
        length = rng.choice([1, 5, 9, 9, 10, 10, 11, 11, 12, 21])
        span = rng.choice([900, 4_500, 4_500, 5_000, 5_000, 5_001, 5_500])
        for n in range(length):
            out.append((ts + 10 + span * n // 9, round(points * factor) + n % 3, spread))
    out.sort(key=lambda t: t[0])
    return out


def bad_lines(rng, rows, columns, count):
    """Crossed, zero, negative, missing, unreadable, too precise and foreign ticks between the others."""
    for _ in range(count):
        at = rng.randrange(1, len(rows))
        row = dict(rows[at])
        how = rng.randrange(9)
        if how == 0:
            # The row drawn may be one that was spoilt before.
            row["bid"], row["ask"] = row["ask"], "0.00001"
        elif how == 1:
            row["bid"] = "0.00000"
        elif how == 2:
            row["bid"] = row["ask"] = "-1.25"
        elif how == 3:
            row["ask"] = ""
        elif how == 4:
            row["bid"] = "n/a"
        elif how == 5:
            row["bid"] = "1.0000000001"
        elif how == 6:
            row["bid"], row["ask"] = "nan", "inf"
        elif "symbol" in columns:
            row["symbol"] = rng.choice(["ZZZUSD", "EURXXX", "QQQ"])
        else:
            row["ask"] = "0"
        rows.insert(at, row)


# ---- files ----


def stamp(ts, style):
    if style == "ms":
        return str(ts)
    if style == "us":
        return str(ts * 1000)
    text = moment(ts).strftime("%Y-%m-%dT%H:%M:%S") + (f".{ts % 1000:03d}" if ts % 1000 else "")
    return {"z": text + "Z", "zone": text.replace("T", " ") + "+00:00", "bare": text}[style]


def write_ticks(rng, path, symbol, walk, found, bad=0):
    style = rng.choice(["ms", "us", "z", "zone"])
    columns = [rng.choice(["ts", "timestamp"])] + rng.choice([[], ["symbol"]]) + ["bid", "ask"] + rng.choice([[], ["volume"]])
    rows = []
    for ts, points, spread in found:
        row = {columns[0]: stamp(ts, style), "symbol": rng.choice([symbol, symbol.lower()]), "volume": "1"}
        rows.append(row | {"bid": walk.text(points), "ask": walk.text(points + spread)})
    if bad:
        bad_lines(rng, rows, columns, bad)
    with open(path, "w") as file:
        file.write(",".join(columns) + "\n")
        for row in rows:
            file.write(",".join(row[c] for c in columns) + "\n")


# ---- alerts ----


def spelling(rng, symbol):
    name = symbol.removesuffix("m")
    slash = f"{name[:3]}/{name[3:]}" if len(name) == 6 else name
    return rng.choice([symbol, name, name.lower(), slash, slash.lower(), symbol.upper()])


class Alerts:
    def __init__(self, rng, symbols, seen, start, end, timeframes):
        self.rng, self.symbols, self.seen, self.start, self.end = rng, symbols, seen, start, end
        self.timeframes, self.rows = timeframes, []

    def add(self, kind, **columns):
        ids = {c: str(uuid.UUID(int=self.rng.getrandbits(128), version=4)) for c in ("id", "user_id")}
        self.rows.append({"kind": kind, **ids, "name": f"{kind} {len(self.rows)}", **columns})

    def timeframe(self):
        return self.rng.choice(self.timeframes)

    def pairs(self):
        names = [spelling(self.rng, s) for s in self.rng.sample(self.symbols, min(len(self.symbols), self.rng.randrange(1, 4)))]
        if len(names) < 3 and self.rng.random() < 0.15:
            names.append("NOSUCH")
        return names

    def lines(self):
        return self.rng.choice([(70, 30), (60, 40), (62, 38), (65, 35), (75, 25), (90, 10), (60, 10), (90, 40)])

    def trackers(self, count):
        rng = self.rng
        for _ in range(count):
            over, under = self.lines()
            period = rng.choice([5, 7, 14, 14, 14, 21, 50])
            self.add("rsi_tracker", timeframe=self.timeframe(), rsi_period=period, rsi_overbought=over, rsi_oversold=under)
            over, under = self.lines()
            self.add("rsi_correlation_tracker", timeframe=self.timeframe(), mode="rsi_threshold",
                     rsi_period=rng.choice([5, 5, 9, 14]), rsi_overbought=over, rsi_oversold=under)
            self.add("rsi_correlation_tracker", timeframe=self.timeframe(), mode="real_correlation",
                     correlation_window=rng.choice([20, 20, 50, 90, 120]))
            self.add("heatmap_tracker", pairs=self.pairs(), trading_style=rng.choice(["scalper", "swingTrader"]),
                     buy_threshold=rng.choice([0, 40, 50, 52, 55, 60, 60, 65, 70, 80, 100]),
                     sell_threshold=rng.choice([0, 20, 30, 35, 40, 45, 48, 49, 50, 55, 60, 70, 100]))
            indicator = rng.choice("EMA21 ema50 Ema200 MACD rsi utbot UTBOT IchimokuClone ichimoku".split())
            self.add("heatmap_indicator_tracker", pairs=self.pairs(), timeframe=self.timeframe(), indicator=indicator)
            self.add("currency_strength_tracker", timeframe=self.timeframe())
        self.add("rsi_tracker")
        self.add("rsi_correlation_tracker")
        self.add("heatmap_tracker", pairs=[spelling(rng, self.symbols[0])])
        self.add("currency_strength_tracker")

    def prices(self, count):
        rng = self.rng
        for _ in range(count):
            symbol = rng.choice(self.symbols)
            ordered = self.seen[symbol]
            level = float(ordered[min(len(ordered) - 1, int(abs(rng.gauss(0.5, 0.25)) * len(ordered)))])
            other = float(ordered[rng.randrange(len(ordered))])
            sides = rng.choice([{"above": level}, {"below": level}, {"above": level, "below": other}, {"above": level, "below": level}])
            columns = {"symbol": spelling(rng, symbol), **sides, "on_close": rng.choice([None, None, "1M", "5M", "1H", self.timeframe()])}
            columns |= rng.choice([{}, {"fires": "once"}, {"fires": "every"}, {"fires": "every"}, {"fires": "every"}])
            if rng.random() < 0.3:
                ts = rng.randrange(self.start, self.end)
                columns["expires_at"] = stamp(rng.choice([ts, ts - ts % HOUR, ts - ts % (5 * MINUTE)]), "z")
            self.add("price_alert", **columns)


# ---- scenarios ----


class Scenario:
    def __init__(self, out, name, seed):
        self.rng = random.Random(f"{seed} {name}")
        self.folder = out / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.arguments, self.symbols, self.seen = [], [], {}

    def input(self, symbol, walk, found, bad=0):
        write_ticks(self.rng, self.folder / f"{symbol}.csv", symbol, walk, found, bad)
        self.note(symbol, f"{symbol}.csv", [walk.text(t[1]) for t in found])

    def note(self, symbol, files, bids):
        self.arguments += ["--input", f"{symbol}={files}"]
        self.symbols.append(symbol)
        self.seen[symbol] = sorted(bids, key=float)

    def finish(self, start, days, trackers, prices, timeframes, more=()):
        alerts = Alerts(self.rng, self.symbols, self.seen, start, start + days * DAY, timeframes)
        alerts.trackers(trackers)
        alerts.prices(prices)
        self.rng.shuffle(alerts.rows)
        (self.folder / "alerts.json").write_text(json.dumps(alerts.rows, indent=1) + "\n")
        self.arguments += ["--alerts", "alerts.json", *more]
        (self.folder / "arguments").write_text("\n".join(self.arguments) + "\n")


def over_days(s, start, days, symbols, every, weekends=True, thin=None, coarse=1, flat=0.1, holes=6):
    shared = Shared(s.rng)
    for symbol in symbols:
        walk = Walk(s.rng, symbol, coarse, flat)
        around = weekends and not symbol.startswith(("BTC", "ETH"))
        found = ticks(s.rng, walk, shared, start, days, every, around, (thin or {}).get(symbol, 1.0))
        s.input(symbol, walk, gaps(s.rng, found, holes, DAY))


def clocks_2012(s):
    start = ms("2011-12-20T03:07:00")
    over_days(s, start, 130, ["EURUSDm", "GBPUSD", "USDJPYm", "USDCHF", "XAUUSDm"], 15 * MINUTE, thin={"USDCHF": 0.5})
    s.finish(start, 130, 8, 12, ["30M", "1H", "4H", "1D", "H4", "1W"])


def clocks_2024(s):
    start = ms("2024-07-28T22:00:00")
    symbols = ["BTCUSD", "EURUSD", "ETHUSD", "XAUUSD", "XAGUSD"]
    over_days(s, start, 125, symbols, 17 * MINUTE, thin={"XAGUSD": 0.3})
    s.finish(start, 125, 8, 12, ["15M", "1H", "4H", "1D"], ["--anchor-utc", "BTCUSD", "--anchor-utc", "ETHUSD"])


def years(s):
    """One tick in some hours: weeks warm up, every timeframe below a day has gaps everywhere."""
    start = ms("2012-01-02T00:00:00")
    over_days(s, start, 2200, ["USOIL", "XAGUSD", "EURUSD"], 4 * HOUR + 13 * MINUTE, holes=3)
    s.finish(start, 2200, 6, 8, ["4H", "1D", "1W"])


def faults(s, more=()):
    """Two days of close ticks with every fault of a feed."""
    start, shared = ms("2024-10-31T20:59:30"), Shared(s.rng)
    for symbol in ["EURUSDm", "GBPUSDm", "USDCHFm", "AUDUSDm", "BTCUSDm", "CADCHFm"]:
        walk = Walk(s.rng, symbol)
        thin = {"CADCHFm": 0.05, "AUDUSDm": 0.4}.get(symbol, 1.0)
        found = ticks(s.rng, walk, shared, start, 2, s.rng.choice([7_000, 11_000, 13_700]), False, thin)
        found = bursts(s.rng, gaps(s.rng, found, 5, 2 * HOUR), 200)
        found = disorder(s.rng, absurdities(s.rng, found, 120), 500)
        s.input(symbol, walk, found, bad=150)
    s.finish(start, 2, 10, 40, ["1M", "5M", "5M", "15M", "30M", "M5"], more)


def window(s):
    """The same kind of day with --from and --to inside it, not on a bar's limit."""
    faults(s, ["--from", "2024-11-01T09:31:17.250Z", "--to", "2024-11-02T03:00:41Z"])


def flat(s):
    """Prices that hardly move, on a coarse grid: exact ties, undefined correlations, quiet markets, equal currencies."""
    start = ms("2012-03-07T22:00:00")
    symbols = ["EURUSD", "GBPUSD", "AUDUSD", "USDJPY", "EURGBP", "NZDUSD"]
    over_days(s, start, 14, symbols, 2 * MINUTE, coarse=20, flat=0.55, thin={"NZDUSD": 0.02, "EURGBP": 0.3})
    s.finish(start, 14, 10, 25, ["5M", "15M", "30M", "1H"])


def all_33(s):
    start, shared = ms("2024-03-07T00:00:00"), Shared(s.rng)
    for name in FIAT + list(STARTS):
        walk = Walk(s.rng, name + "m")
        s.input(name + "m", walk, ticks(s.rng, walk, shared, start, 5, 4 * MINUTE, name not in ("BTCUSD", "ETHUSD"), 0.8))
    s.finish(start, 5, 8, 12, ["5M", "15M", "30M", "1H"])


def forms(s):
    """One input of each form (one symbol from two files), ask bars that miss rows or lie below the bid, rows given twice,
    lines nobody can read, one file packed, one with CRLF."""
    start, days, shared = ms("2012-03-08T21:30:00"), 4, Shared(s.rng)
    for symbol, form in (("EURUSD", "truefx"), ("GBPUSD", "m1"), ("USDJPY", "histdata"), ("AUDUSD", "dukascopy"), ("XAUUSD", "m1bid")):
        walk = Walk(s.rng, symbol)
        if form.startswith("m1"):
            FORMS[form](s, symbol, walk, [walk_bar(s.rng, walk, shared, ts) for ts in minutes(s.rng, start, days)])
            continue
        found = ticks(s.rng, walk, shared, start, days, 20_000, True)
        found = gaps(s.rng, found, 4, 6 * HOUR)
        if form == "truefx":
            write_ticks(s.rng, s.folder / "second.csv", symbol, walk, found[1::3])
            s.arguments += ["--input", f"{symbol}=second.csv"]
            found = found[0::3] + found[2::3]
            found.sort(key=lambda t: t[0])
        FORMS[form](s, symbol, walk, found)
    s.finish(start, days, 8, 20, ["5M", "15M", "30M", "1H"])


def exact(s):
    """RSI(5) and RSI(14) that reach 80, 75, 70, 60, 50, 30, 25 and 20 without rounding: whole prices whose averages
    divide again and again. So a line is touched, stood on and left, by one symbol alone and by two of a pair at once."""
    start = ms("2024-03-06T00:00:01")
    ratios = [Fraction(*r) for r in ((1, 1), (3, 1), (4, 1), (3, 2), (7, 3), (7, 3), (1, 3), (1, 4), (2, 3), (3, 7), (3, 7))]
    plan = [s.rng.choice(ratios) for _ in range(90)]
    for n, symbol in enumerate(["EURUSD", "GBPUSD", "USDCHF", "AUDUSD", "USDJPY", "NZDUSD", "XAUUSD", "XAGUSD", "BTCUSD", "ETHUSD"]):
        wanted = plan if n % 4 == 0 else [1 / r for r in plan] if n % 4 == 1 else [s.rng.choice([r, 1 / r]) for r in plan]
        closes = exact_closes(wanted, 5, 5**9) if n < 6 else exact_closes(wanted, 14, 27 * 14**5)
        found = [(start + place * 5 * MINUTE, close, 0) for place, close in enumerate(closes)]
        walk = Walk(s.rng, symbol)
        walk.decimals = 0
        s.input(symbol, walk, found)
    alerts = Alerts(s.rng, s.symbols, s.seen, start, start + DAY, ["5M"])
    for over, under in ((75, 25), (80, 20), (60, 40), (70, 30), (75, 20), (60, 25), (80, 40), (70, 40), (60, 30)):
        for period in (5, 14):
            alerts.add("rsi_tracker", timeframe="5M", rsi_period=period, rsi_overbought=over, rsi_oversold=under)
            alerts.add("rsi_correlation_tracker", timeframe="5M", rsi_period=period, rsi_overbought=over, rsi_oversold=under)
    alerts.add("heatmap_indicator_tracker", timeframe="5M", pairs=["XAUUSD", "xag/usd", "BTCUSD"], indicator="RSI")
    alerts.prices(20)
    (s.folder / "alerts.json").write_text(json.dumps(alerts.rows, indent=1) + "\n")
    (s.folder / "arguments").write_text("\n".join([*s.arguments, "--alerts", "alerts.json"]) + "\n")


def exact_closes(ratios, period, unit, price=10**11):
    """Closes whose average gain over average loss is each of `ratios` in turn, as long as that is whole."""
    closes = [price]
    for n in range(period // 2):
        closes += [closes[-1] + 2 * period * unit, closes[-1]]
    closes += [price] * (period % 2)
    gain = loss = Fraction(period // 2 * 2 * unit)
    for ratio in ratios:
        up, kept = ratio * loss > gain, period - 1
        change = kept * (ratio * loss - gain) if up else kept * (loss - gain / ratio)
        next_gain, next_loss = (kept * gain + max(change, 0)) / period, (kept * loss + max(-change, 0)) / period
        if any(x.denominator != 1 for x in (change, next_gain, next_loss)) or abs(change) > closes[-1] // 6:
            continue
        gain, loss = next_gain, next_loss
        closes.append(closes[-1] + int(change))
    return closes


def minutes(rng, start, days):
    start -= start % MINUTE
    return [ts for ts in range(start, start + days * DAY, MINUTE) if market_open(ts) and rng.random() < 0.97]


def walk_bar(rng, walk, shared, ts):
    corners = [walk.step(shared.at(ts // MINUTE * 4 + n)) for n in range(4)]
    return ts, corners[0], max(corners), min(corners), corners[3]


def write_lines(path, header, lines):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt") as file:
        file.write("".join(line + "\n" for line in ([header] if header else []) + lines))


def form_m1(s, symbol, walk, bars):
    bids, asks = [], []
    for ts, *corners in bars:
        bids += [",".join([stamp(ts, "zone")] + [walk.text(c) for c in corners])] * s.rng.choices([1, 2], [50, 1])[0]
        if s.rng.random() < 0.9:
            spread = s.rng.choice([12, 12, 0, -30])
            asks.append(",".join([stamp(ts, "zone")] + [walk.text(c + spread + s.rng.randrange(9)) for c in corners]))
    write_lines(s.folder / "bid.csv", "timestamp,open,high,low,close", bids)
    write_lines(s.folder / "ask.csv", "timestamp,open,high,low,close", asks)
    s.note(symbol, "bid.csv+ask.csv", [walk.text(b[4]) for b in bars])


def form_m1bid(s, symbol, walk, bars):
    lines = [",".join([stamp(b[0], "bare")] + [walk.text(c) for c in b[1:]] + ["17", "more"]) for b in bars]
    for _ in range(15):
        lines.insert(s.rng.randrange(1, len(lines)), s.rng.choice(["garbage", "2012-13-40 00:00:00,1,1,1,1", "1,2"]))
    write_lines(s.folder / "bars.csv.gz", "timestamp,open,high,low,close,volume,spare", lines)
    s.note(symbol, "bars.csv.gz", [walk.text(b[4]) for b in bars])


def form_truefx(s, symbol, walk, found):
    def line(ts, points, spread):
        clock = moment(ts).strftime("%Y%m%d %H:%M:%S.") + f"{ts % 1000:03d}"
        return f"{symbol[:3]}/{symbol[3:]},{clock},{walk.text(points)},{walk.text(points + spread)}"

    write_lines(s.folder / "truefx.csv", None, [line(*t) for t in found])
    s.note(symbol, "truefx.csv", [walk.text(t[1]) for t in found])


def form_histdata(s, symbol, walk, found):
    def line(ts, points, spread):
        clock = moment(ts - 5 * HOUR).strftime("%Y%m%d %H%M%S") + f"{ts % 1000:03d}"
        return f"{clock},{walk.text(points)},{walk.text(points + spread)},0"

    write_lines(s.folder / "histdata.csv", None, [line(*t) + "\r" for t in found])
    s.note(symbol, "histdata.csv", [walk.text(t[1]) for t in found])


def form_dukascopy(s, symbol, walk, found):
    def line(ts, points, spread):
        clock = moment(ts).strftime("%d.%m.%Y %H:%M:%S.") + f"{ts % 1000:03d}"
        return f"{clock},{walk.text(points + spread)},{walk.text(points)},1.5,0.75"

    write_lines(s.folder / "dukascopy.csv", "Gmt time,Ask,Bid,AskVolume,BidVolume", [line(*t) for t in found])
    s.note(symbol, "dukascopy.csv", [walk.text(t[1]) for t in found])


FORMS = {"m1": form_m1, "m1bid": form_m1bid, "truefx": form_truefx, "histdata": form_histdata, "dukascopy": form_dukascopy}
SCENARIOS = {f.__name__.replace("_", "-"): f for f in (clocks_2012, clocks_2024, years, faults, window, flat, all_33, forms, exact)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="default: all")
    args = parser.parse_args()
    for name in args.scenario or SCENARIOS:
        SCENARIOS[name](Scenario(args.out, name, args.seed))
        print(args.out / name)


if __name__ == "__main__":
    main()

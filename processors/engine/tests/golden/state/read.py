#!/usr/bin/env python3
"""Reads the parts of a directory beside this file without the program that wrote them, and prints them as JSON.

    read.py [DIRECTORY, 2 unless given]

Layouts are written down here a second time, after the comments of `src/snapshot/stored` and postcard's specification
(https://postcard.jamesmunns.com/wire-format). It fails where a part has more or fewer bytes than its layout.
"""

import json
import struct
import sys
from pathlib import Path


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        piece = self.data[self.at : self.at + count]
        assert len(piece) == count, "the part ends too early"
        self.at += count
        return piece

    def u8(self):
        return self.take(1)[0]

    def unsigned(self):
        number, shift = 0, 0
        while True:
            byte = self.u8()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def signed(self):
        number = self.unsigned()
        return (number >> 1) ^ -(number & 1)

    def double(self):
        return struct.unpack("<d", self.take(8))[0]

    def boolean(self):
        return {0: False, 1: True}[self.u8()]

    def text(self):
        return self.take(self.unsigned()).decode()

    def id(self):
        return self.take(16).hex()


u8, uint, sint, f64, flag, text, ident = (
    Reader.u8,
    Reader.unsigned,
    Reader.signed,
    Reader.double,
    Reader.boolean,
    Reader.text,
    Reader.id,
)


def maybe(of):
    return lambda r: of(r) if r.boolean() else None


def many(of):
    return lambda r: [of(r) for _ in range(r.unsigned())]


def times(count, of):
    return lambda r: [of(r) for _ in range(count)]


def both(*parts):
    return lambda r: [part(r) for part in parts]


def fields(**parts):
    return lambda r: {name: part(r) for name, part in parts.items()}


def one_of(names):
    return lambda r: names[r.u8() - 1]


def variants(*parts):
    def read(r):
        name, part = parts[r.unsigned()]
        return {name: part(r)}

    return read


FRAMES = ["1M", "5M", "15M", "30M", "1H", "4H", "1D", "1W"]
frame = one_of(FRAMES)
frames = lambda of: times(len(FRAMES), of)
seen = fields(value=f64, offset=uint)
ema = fields(seen=uint, value=f64)
mode = one_of(["neutral", "long", "short"])
crosses = fields(side=one_of(["missing", "below", "on", "above"]), up=u8, down=u8)
cloud = fields(a=f64, b=f64)
middle = fields(highs=many(f64), negated_lows=many(f64), value=f64)

def indicators(**still):
    return fields(
        bars=uint,
        close=maybe(f64),
        previous_close=maybe(f64),
        rsi=fields(
            last_close=maybe(f64),
            changes=uint,
            sum=both(f64, f64),
            now=many(both(f64, f64)),
            before=many(both(f64, f64)),
            **still,
        ),
        ema21=ema,
        ema50=ema,
        ema200=ema,
        macd=fields(fast=ema, slow=ema, signal=ema, line=f64, before=maybe(fields(line=f64, signal=f64))),
        atr=fields(seen=uint, previous_close=maybe(f64), value=f64),
        utbot=fields(mode=mode, stops=maybe(both(f64, f64))),
        ichimoku=fields(bars=uint, tenkan=middle, kijun=middle, base=middle, ahead=many(cloud), cloud=cloud),
        cells=fields(
            emas=times(3, crosses),
            macd=crosses,
            rsi=fields(middle=crosses, zone=maybe(one_of(["oversold", "between", "overbought"])), edges=u8),
            utbot=fields(mode=mode, flips=u8),
            ichimoku=fields(lines=crosses, place=maybe(one_of(["above", "inside", "below"])), breakouts=u8),
            ranges=many(f64),
            eighths=sint,
        ),
    )


bar = fields(
    begin=sint,
    end=sint,
    first=sint,
    last=sint,
    open=f64,
    high=f64,
    low=f64,
    close=f64,
    ticks=sint,
    history=flag,
)
signal = one_of(["buy", "sell", "neutral"])
turns = fields(evaluated=maybe(uint), last=maybe(both(signal, uint)))

core = fields(
    engine_version=sint,
    tenant=text,
    revision=maybe(sint),
    settings=fields(
        symbols=many(both(text, flag)),
        symbol_suffix=text,
        session_anchor=text,
        price_basis=one_of(["bid", "mid", "ask"]),
        lateness_max=sint,
        source_idle=sint,
        absurd_band=f64,
        max_alerts=sint,
        positive_pairs=many(text),
        negative_pairs=many(text),
        heatmap_cooldown=sint,
        heatmap_suppression=sint,
    ),
    watermark=fields(sources=many(both(text, sint)), value=maybe(sint)),
    sequences=many(fields(source=text, sessions=many(fields(name=text, last=many(maybe(uint)))))),
    alerts=uint,
    halted=flag,
)

def symbol(minute, rows, indicators):
    return fields(
        name=text,
        band=fields(last=maybe(both(sint, f64)), absurd=many(sint)),
        minutes=many(minute),
        series=frames(
            fields(
                filling=maybe(bar),
                last_open=maybe(sint),
                evaluated=maybe(uint),
                **rows,
                turns=times(7, turns),
                indicators=maybe(indicators),
            )
        ),
        styles=times(2, maybe(seen)),
        tick=maybe(seen),
        same_time=fields(newest=maybe(both(sint, uint)), older=many(both(sint, uint))),
        daily_change=maybe(f64),
    )


symbol_1 = symbol(bar, {}, indicators())
symbol_2 = symbol(
    fields(**{"from": frame, "bar": bar}),
    {"rows": fields(measure=maybe(f64), before=maybe(sint), refused=u8)},
    indicators(moved=many(both(f64, f64)), stands=flag, stood=flag),
)

pair = fields(
    key=text,
    positive=flag,
    frames=frames(
        fields(
            returns=fields(closes=maybe(both(f64, f64)), returns=many(both(f64, f64))),
            rsi=many(fields(period=uint, a=f64, b=f64, offset=uint)),
            coefficients=times(4, maybe(seen)),
        )
    ),
)

leaders = fields(
    last=frames(
        maybe(
            fields(
                scores=times(8, maybe(f64)),
                averages=times(8, maybe(f64)),
                strongest=u8,
                weakest=u8,
                offset=uint,
            )
        )
    )
)

rsi_lines = dict(timeframe=frame, period=uint, overbought=sint, oversold=sint)
alerts = many(
    fields(
        rank=uint,
        id=ident,
        version=sint,
        watched=maybe(
            fields(
                user_id=ident,
                version=sint,
                effective=uint,
                is_warming=flag,
                watch=variants(
                    ("rsi", fields(**rsi_lines)),
                    ("pair_rsi", fields(**rsi_lines)),
                    ("pair_coefficient", fields(timeframe=frame, window=uint)),
                    (
                        "heatmap",
                        fields(symbols=many(text), style=one_of(["scalper", "swingTrader"]), buy=sint, sell=sint),
                    ),
                    (
                        "turn",
                        fields(
                            symbols=many(text),
                            timeframe=frame,
                            cell=one_of(["EMA21", "EMA50", "EMA200", "MACD", "RSI", "UTBOT", "ICHIMOKU"]),
                        ),
                    ),
                    ("strength", fields(timeframe=frame)),
                    (
                        "price",
                        fields(
                            symbol=text,
                            above=maybe(f64),
                            below=maybe(f64),
                            on_close=maybe(frame),
                            once=flag,
                            expires_at=maybe(sint),
                        ),
                    ),
                ),
            )
        ),
        cooldowns=many(fields(place=uint, at=sint, side=one_of(["buy", "sell"]))),
    )
)

disabled = many(uint)

LAYOUTS = {
    (1, 1): ("core", core),
    (2, 1): ("symbol", symbol_1),
    (2, 2): ("symbol", symbol_2),
    (3, 1): ("pair", pair),
    (4, 1): ("leaders", leaders),
    (5, 1): ("alerts", alerts),
    (7, 1): ("disabled", disabled),
}


def part(path):
    data = path.read_bytes()
    assert data[:3] == b"bwp", f"{path.name} is no part"
    name, layout = LAYOUTS[data[3], data[4]]
    assert path.stem.split("-")[0] == name, f"{path.name} is a part of kind {name}"
    reader = Reader(data[5:])
    value = layout(reader)
    assert reader.at == len(reader.data), f"{path.name} has {len(reader.data) - reader.at} bytes more than its layout"
    return value


def main():
    directory = Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "2")
    parts = {path.stem: part(path) for path in sorted(directory.glob("*.bin"))}
    json.dump(parts, sys.stdout, indent=1)
    print()


main()

#!/usr/bin/env python3
"""Writes indicators.json beside it from the reference of tests/reference, which was written from the specification
alone: plain lists, no code of the engine. Run it from anywhere after a change of the specification."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[3] / "tests" / "reference"))

from alerts import HeatmapIndicatorTracker  # noqa: E402
from indicators import CELLS, Series  # noqa: E402

BARS = 600
PERIODS = [5, 14, 21, 50]
# First values and what lies around them: RSI5 6, tenkan 9, ATR 10, RSI14 15, EMA21 21, kijun 26, MACD 34, UTBot 50,
# RSI50 51, senkou A 52, score 60, senkou B 78, EMA200 200, quiet 209.
SHOWN = [1, 5, 6, 8, 9, 10, 14, 15, 20, 21, 25, 26, 33, 34, 49, 50, 51, 52, 59, 60, 61, 77, 78, 79, 199, 200, 208, 209]
SHOWN += [300, 301, 302, 450, 600]
# name, seed, drift, steps (values a step may have), wick, points a step, bar from which on all is a fifth
SHAPES = [
    ("wandering", 42, 0, 201, 40, 1, BARS),
    ("falling", 7, -12, 201, 40, 1, BARS),
    ("calming", 3, 0, 205, 40, 1, 260),
    ("coarse", 11, 0, 5, 2, 50, BARS),
]


class Bar:
    def __init__(self, *points):
        self.open, self.high, self.low, self.close = (p / 100_000 for p in points)


def bars(seed, drift, steps, wick, size, calm_from):
    x, opened = seed, 110_000
    for place in range(BARS):
        draws = []
        for _ in range(3):
            x = (1664525 * x + 1013904223) % 2**32
            draws.append(x >> 16)
        part = 5 if place >= calm_from else 1
        closed = opened + (draws[0] % (steps // part) - steps // part // 2) * size + drift
        up, down = (draw % (wick // part) * size for draw in draws[1:])
        yield Bar(opened, max(opened, closed) + up, min(opened, closed) - down, closed)
        opened = closed


def letter(cell):
    """b, s or n, a capital where new; - where missing."""
    if cell is None:
        return "-"
    name = {1: "b", -1: "s", 0: "n"}[cell[0]]
    return name.upper() if cell[1] else name


def turn(row, name):
    """What heatmap_indicator_tracker sees: b, s, . for nothing, - where missing."""
    if row.cells[name] is None:
        return "-"
    tracker = object.__new__(HeatmapIndicatorTracker)
    tracker.indicator = name
    return {1: "b", -1: "s", 0: "."}[tracker.signal(row)]


def values(row):
    line = {f"rsi{p}": row.rsi[p] for p in PERIODS}
    names = "ema21 ema50 ema200 macd macd_signal macd_histogram atr10 tenkan kijun senkou_a senkou_b"
    line |= {name: getattr(row, name) for name in names.split()}
    line |= {"utbot_long_stop": row.long_stop, "utbot_short_stop": row.short_stop}
    enough = row.count >= 60
    final = 80 * row.score_sum / 7
    line |= {"raw": row.score_sum / 7 if enough else None, "final": final if enough else None}
    line["buy_percent"] = (final + 100) / 2 if enough else None
    return {name: value for name, value in line.items() if value is not None}


def story(name, *shape):
    series, cells, shown = Series(PERIODS), [], {}
    for place, bar in enumerate(bars(*shape), 1):
        row = series.close(bar)
        letters = "".join(letter(row.cells[c]) for c in CELLS)
        turns = "".join(turn(row, c) for c in CELLS)
        cells.append(f"{letters} {turns} {round(8 * row.score_sum)}{' quiet' if row.quiet else ''}")
        if place in SHOWN:
            shown[place] = values(row)
    keys = ("seed", "drift", "steps", "wick", "size", "calm_from")
    return {"name": name} | dict(zip(keys, shape)) | {"cells": cells, "values": shown}


if __name__ == "__main__":
    (HERE / "indicators.json").write_text(json.dumps([story(*shape) for shape in SHAPES], indent=0) + "\n")

#!/usr/bin/env python3
"""RSI 14 beside TA-Lib's batch: the same closes in one run, in turns, values compared.

    python3 -m venv venv && venv/bin/pip install TA-Lib numpy
    cargo bench -p bellwether-engine --bench indicators --no-run      # prints the binary's path
    venv/bin/python processors/engine/benches/rsi_beside_talib.py BINARY

Nanoseconds of the thread's CPU time an element, the least of all rounds on both sides.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import talib

ELEMENTS, SYMBOLS, TURNS, ROUNDS = 1_000_000, 33, 5, 9


def batch(series):
    """The least nanoseconds an element over some rounds, and the values."""
    least, values = float("inf"), None
    for _ in range(ROUNDS):
        before = time.thread_time_ns()
        values = [talib.RSI(closes, 14) for closes in series]
        least = min(least, (time.thread_time_ns() - before) / sum(len(closes) for closes in series))
    return least, values


def main(binary):
    steps = numpy.random.default_rng(42).integers(-100, 101, ELEMENTS)
    closes = 1.1 * numpy.exp(numpy.cumsum(steps) / 1_000_000)
    length = ELEMENTS // SYMBOLS
    dealt = numpy.ascontiguousarray(closes[: length * SYMBOLS].reshape(length, SYMBOLS).T)
    with tempfile.TemporaryDirectory() as folder:
        given, found = pathlib.Path(folder, "closes"), pathlib.Path(folder, "values")
        closes.tofile(given)
        theirs, ours = [], []
        for _ in range(TURNS):
            one, values = batch([closes])
            many, dealt_values = batch(list(dealt))
            theirs.append((one, many))
            printed = subprocess.run([binary, "rsi", given, found], check=True, capture_output=True, text=True)
            ours.append(tuple(float(figure) for figure in printed.stdout.split()))
        mine = numpy.fromfile(found)
    one_series, interleaved = mine[:ELEMENTS], mine[ELEMENTS : ELEMENTS + length * SYMBOLS]
    interleaved = interleaved.reshape(length, SYMBOLS).T
    apart = max(
        numpy.abs(one_series[14:] - values[0][14:]).max(),
        max(numpy.abs(mine[14:] - theirs[14:]).max() for mine, theirs in zip(interleaved, dealt_values)),
    )
    assert numpy.isnan(one_series[:14]).all() and apart < 1e-9, f"values are {apart} apart"
    print(f"TA-Lib {talib.__ta_version__.decode().split()[0]}; largest difference of a value {apart:.1e}")
    for place, what in enumerate(["one series", f"{SYMBOLS} series"]):
        batch_cost, cost = (min(turn[place] for turn in side) for side in (theirs, ours))
        print(f"{what:<12} TA-Lib {batch_cost:6.2f} ns   here {cost:6.2f} ns   ratio {cost / batch_cost:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])

#!/usr/bin/env python3
"""Compares two files of JSON lines (readings or triggers), line by line and in order. Exit 1 where they differ.

Numbers agree within 1e-9, absolute or relative; `*_time` as instants; `reason` and `name` are free, and of `detail` all
but what currency strength tells there and nowhere else. A key that is absent on one side and null on the other is counted
and shown, and is a difference only with --strict.
"""

import argparse
import json
import sys
from collections import Counter, deque
from datetime import datetime
from itertools import islice

FREE = {"reason", "name"}
TOLD = ["from", "to", "scores"]
NAMES = ["type", "kind", "symbol", "pair", "timeframe", "style", "window", "close_time", "condition", "alert_id"]
TOLERANCE = 1e-9
LOOK_AHEAD = 200
ABSENT = object()


class Comparison:
    def __init__(self, strict):
        self.strict, self.absent = strict, Counter()

    def differences(self, a, b, path=""):
        if isinstance(a, dict) and isinstance(b, dict):
            for key in list(a) + [k for k in b if k not in a]:
                if key in FREE:
                    continue
                here = f"{path}.{key}" if path else key
                if here == "detail":
                    yield from self.differences(told(a), told(b), here)
                    continue
                yield from self.differences(a.get(key, ABSENT), b.get(key, ABSENT), here)
            return
        if ABSENT in (a, b) and None in (a, b) and not self.strict:
            self.absent[path] += 1
            return
        if not same(a, b, path):
            yield path, a, b


def told(line):
    detail = line.get("detail") or {}
    return {key: detail[key] for key in TOLD if key in detail}


def same(a, b, path):
    if a is ABSENT or b is ABSENT:
        return False
    numbers = [isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b)]
    if all(numbers):
        return abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b))
    if path.endswith("_time") and isinstance(a, str) and isinstance(b, str):
        return a == b or datetime.fromisoformat(a) == datetime.fromisoformat(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, path) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def show(value):
    return "absent" if value is ABSENT else json.dumps(value)


def name(line):
    if line is None:
        return "no line"
    return " ".join(instant(line[k]) if k == "close_time" else str(line[k]) for k in NAMES if line.get(k) is not None)


def instant(text):
    """However many decimals are written."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    fraction = fraction.rstrip("0")
    return f"{head}.{fraction}Z" if fraction else f"{head}Z"


def lines(path):
    with (sys.stdin if path == "-" else open(path, encoding="utf-8")) as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def aligned(first, second):
    """Pairs of lines; after a line that only one side has, the sides meet again if they do within LOOK_AHEAD lines."""
    a, b = deque(islice(first, LOOK_AHEAD)), deque(islice(second, LOOK_AHEAD))
    while a or b:
        if a and b and name(a[0]) != name(b[0]):
            here, there = name(a[0]), name(b[0])
            missing_in_b = next((n for n, line in enumerate(a) if name(line) == there), LOOK_AHEAD)
            missing_in_a = next((n for n, line in enumerate(b) if name(line) == here), LOOK_AHEAD)
            if missing_in_b < missing_in_a:
                yield a.popleft(), None
                a.extend(islice(first, 1))
                continue
            if missing_in_a < missing_in_b:
                yield None, b.popleft()
                b.extend(islice(second, 1))
                continue
        yield a.popleft() if a else None, b.popleft() if b else None
        a.extend(islice(first, 1))
        b.extend(islice(second, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    comparison, by_field, kinds = Comparison(args.strict), Counter(), Counter()
    count = differing = 0
    for count, (a, b) in enumerate(aligned(lines(args.a), lines(args.b)), 1):
        kinds[(a or b).get("kind") or (a or b).get("type")] += 1
        if a is None or b is None or name(a) != name(b):
            found = [("line", name(a), name(b))]
        else:
            found = list(comparison.differences(a, b))
        if not found:
            continue
        differing += 1
        by_field.update(path for path, _, _ in found)
        if differing <= args.show:
            print(f"line {count}: {name(a or b)}")
            for path, x, y in found[:8]:
                print(f"  {path}: {show(x)}  |  {show(y)}")
    for path, times in sorted(comparison.absent.items()):
        print(f"absent on one side, null on the other: {path} ({times} times)")
    print("lines: " + ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())) if kinds else "lines: none")
    if differing:
        print("fields: " + ", ".join(f"{p} {n}" for p, n in by_field.most_common(20)))
    print(f"{count} lines compared, {differing} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()

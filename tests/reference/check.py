#!/usr/bin/env python3
"""Plays generated folders through the engine and the reference and compares: check.py FOLDER… [--binary PATH] [--strict].

Without --binary only the reference runs, and says how long it took and what it found.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent.resolve()


def play(command, folder, side):
    arguments = (folder / "arguments").read_text().split("\n")[:-1]
    files = [f"{side}-readings.jsonl", f"{side}-triggers.jsonl"]
    began = time.monotonic()
    run = subprocess.run(command + arguments + ["--readings", files[0], "--triggers", files[1]], cwd=folder,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - began
    print(f"  {side}: exit {run.returncode}, {seconds:.1f} s; {(run.stderr.strip().splitlines() or [''])[-1]}")
    if run.returncode:
        print(run.stderr[-2000:])
    return run.returncode == 0


def found(folder):
    kinds = Counter()
    with open(folder / "reference-triggers.jsonl") as file:
        for line in file:
            row = json.loads(line)
            kinds[row["kind"] + " " + row["condition"]] += 1
    print("  triggers: " + ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--binary", type=Path)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--again", action="store_true", help="run the reference even where its output is there")
    args = parser.parse_args()
    different = []
    for folder in args.folders:
        print(folder)
        there = (folder / "reference-triggers.jsonl").exists() and not args.again
        good = there or play([sys.executable, str(HERE / "bellwether_reference.py")], folder, "reference")
        if good:
            found(folder)
        if good and args.binary:
            good = play([str(args.binary.resolve()), "backtest"], folder, "engine")
            for what in ("readings", "triggers") if good else ():
                print(f"  {what}:", flush=True)
                files = [str(folder / f"{side}-{what}.jsonl") for side in ("reference", "engine")]
                compare = [sys.executable, str(HERE / "compare.py"), *files] + ["--strict"] * args.strict
                good = subprocess.run(compare).returncode == 0 and good
        if not good:
            different.append(folder.name)
    tried = f"{len(args.folders)} folders, " + ("engine and reference equal" if args.binary else "the reference alone")
    print("verdict: " + (f"different or failed: {', '.join(different)}" if different else tried))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()

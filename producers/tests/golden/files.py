"""Prints what the two golden inputs must become, by the words of the specification and without the crate's code:
one line a tick, `source_seq time symbol bid ask`, and one a heartbeat. usage: files.py > files.expected"""
import os
from datetime import datetime, timedelta, timezone
from decimal import Decimal

here = os.path.dirname(os.path.abspath(__file__))
rows = lambda name: [line.strip().split(",") for line in open(os.path.join(here, name))]
minute = timedelta(minutes=1)

def histdata(symbol, name):
    for row in rows(name):
        try:
            local = datetime.strptime(row[0] + "000", "%Y%m%d %H%M%S%f")
        except ValueError:
            continue
        yield local.replace(tzinfo=timezone.utc) + timedelta(hours=5), symbol, Decimal(row[1]), Decimal(row[2])

def m1(symbol, bid, ask):
    asks = {row[0]: list(map(Decimal, row[1:5])) for row in rows(ask)[1:]}
    for row in rows(bid)[1:]:
        time, bids = datetime.fromisoformat(row[0]), list(map(Decimal, row[1:5]))
        order = [0, 2, 1, 3] if bids[3] >= bids[0] else [0, 1, 2, 3]
        for corner, second in zip(order, (0, 20, 40, 59.999)):
            b = bids[corner]
            yield time + timedelta(seconds=second), symbol, b, max(b, asks.get(row[0], bids)[corner])

streams = [list(histdata("EURUSD", "eurusd.histdata.csv")), list(m1("GBPUSD", "gbpusd.bid.csv", "gbpusd.ask.csv"))]
ticks = []
while any(streams):
    head = min((s[0][0], i) for i, s in enumerate(streams) if s)[1]
    ticks.append(streams[head].pop(0))

show = lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
floor = lambda time: time.replace(second=0, microsecond=0)
beat = floor(ticks[0][0])
if beat < ticks[0][0]:
    beat += minute
for seq, (time, symbol, bid, ask) in enumerate(ticks):
    while beat <= time:
        print("beat", show(beat))
        beat += minute
    print(seq, show(time), symbol, bid.normalize(), ask.normalize())
print("beat", show(floor(max(t[0] for t in ticks)) + minute + timedelta(seconds=2)))

#!/usr/bin/env python3
"""Golden bytes of each record, by an encoder that is not the one under test.

Needs fastavro==1.13.1. Run it here: it reads values.json and ../../avro, and writes one .hex file a record. Only
needed again for a new record or version: bytes that were released never change.
"""
import io
import json
import pathlib

import fastavro

HERE = pathlib.Path(__file__).parent
AVRO = HERE.parent.parent / "avro"


def main():
    ids = json.loads((AVRO / "ids.json").read_text())
    for name, golden in json.loads((HERE / "values.json").read_text()).items():
        schema = fastavro.parse_schema(json.loads((AVRO / f"{golden['schema']}.avsc").read_text()))
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, schema, prepare(golden), strict=True)
        record = b"\0" + ids[golden["schema"]].to_bytes(4, "big") + datum.getvalue()
        (HERE / f"{name}.hex").write_text(wrapped(record.hex()))


def prepare(golden):
    value = dict(golden["value"])
    if golden["schema"].startswith("tick_block"):
        return as_columns(value)
    for field in ("key", "original") if golden["schema"].startswith("dead_letter") else ():
        if field in value:
            value[field] = bytes.fromhex(value[field])
    if golden["schema"].startswith("snapshot"):
        return as_bytes(value)
    if "headers" in value:
        value["headers"] = [header | {"value": bytes.fromhex(header["value"])} for header in value["headers"]]
    return value


def as_bytes(value):
    """Hexadecimal digits become bytes, in whatever is bytes of a snapshot."""
    if isinstance(value, list):
        return [as_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    binary = ("content", "sha256", "hashes", "index")
    return {name: bytes.fromhex(item) if name in binary else as_bytes(item) for name, item in value.items()}


def as_columns(block):
    """[ts, symbol, bid, ask] a tick become the columns that the schema's field docs describe."""
    ticks = block.pop("ticks")
    before, last = 0, {}
    columns = {"ts": [], "symbol": [], "bid": [], "spread": []}
    for ts, symbol, bid, ask in ticks:
        columns["ts"].append(ts - before)
        columns["symbol"].append(symbol)
        columns["bid"].append(bid - last.get(symbol, 0))
        columns["spread"].append(ask - bid)
        before, last[symbol] = ts, bid
    return block | columns


def wrapped(text, width=96):
    return "".join(text[at : at + width] + "\n" for at in range(0, len(text), width))


main()

"""Compares what our decoder and Google's protobuf runtime read in the same bytes.

usage: decode.py PROGRAM CORPUS [COUNT [SEED]]     PROGRAM is tests/interop/decode.c, CORPUS is fuzz/corpus

COUNT messages are made up from SEED (messages.py): half of them as some encoder might write them, half with
bytes changed. To each, and to each file of the corpus for protobuf, both say either "refused" or what it
means, as OTLP/JSON. Where they differ, the message is rewritten by the rules in which we differ on
purpose (RULES, by a reader that is neither theirs nor ours) and shown to the runtime again; what differs
then is printed and fails.
"""

import base64
import json
import math
import pathlib
import struct
import subprocess
import sys
import time
from collections import Counter

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

import messages
from messages import ROOTS, is_id

CHUNK = 10_000
SHOWN = 10
ID_SIZES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}

# ---- what the runtime reads, as OTLP/JSON ----


def real(value):
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    return "-0" if value == 0 and math.copysign(1, value) < 0 else value


def itself(value):
    return value


def writer(field):
    if field.message_type:
        return tree
    if is_id(field):
        return bytes.hex
    return {
        FieldDescriptor.TYPE_BYTES: lambda value: base64.b64encode(value).decode(),
        FieldDescriptor.TYPE_DOUBLE: real,
        FieldDescriptor.TYPE_INT64: str,
        FieldDescriptor.TYPE_UINT64: str,
        FieldDescriptor.TYPE_FIXED64: str,
        FieldDescriptor.TYPE_SFIXED64: str,
    }.get(field.type, itself)


class Plan(dict):
    """By field: name in JSON, how a value is written, repeated or not, and the size it must have."""

    def __missing__(self, field):
        row = (field.json_name, writer(field), field.is_repeated, ID_SIZES.get(field.name) if is_id(field) else None)
        self[field] = row
        return row


plan = Plan()


def tree(message):
    out = {}
    for field, value in message.ListFields():
        name, write, repeated, size = plan[field]
        if size and len(value) != size:
            differs.add("id of a wrong length")
        elif repeated:
            out[name] = [write(one) for one in value]
        else:
            out[name] = write(value)
    return out


differs = set()  # which rules the message at hand has met


def theirs(signal, data):
    """What it means; None: refused."""
    try:
        message = ROOTS[signal].FromString(data)
    except DecodeError:
        return None
    return tree(message)


# ---- what ours reads ----


def number(text):
    return text if text == "-0" else int(text)


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


reader = json.JSONDecoder(parse_int=number, object_pairs_hook=once)


def ask(program, chunk):
    """Our answers: what it means, None when refused; and the text as it came."""
    asked = b"".join(struct.pack("<BI", signal, len(data)) + data for signal, data in chunk)
    told = subprocess.run([program], input=asked, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for _ in chunk:
        verdict, size = struct.unpack_from("<cI", told, at)
        text = told[at + 5 : at + 5 + size].decode()
        yield (reader.decode(text) if verdict == b"+" else None), text
        at += 5 + size
    if at != len(told):
        raise ValueError("more answers than questions")


# ---- both ----


def first_difference(ours, meant, path=""):
    """Where two trees part, and what stands there."""
    if isinstance(ours, dict) and isinstance(meant, dict):
        pairs = [(f".{key}", ours.get(key), meant.get(key)) for key in ours.keys() | meant.keys()]
    elif isinstance(ours, list) and isinstance(meant, list) and len(ours) == len(meant):
        pairs = [(f"[{i}]", one, other) for i, (one, other) in enumerate(zip(ours, meant, strict=True))]
    else:
        return f"at {path or 'the root'} ours is {str(ours)[:200]}, the runtime's {str(meant)[:200]}"
    return next(first_difference(one, other, path + step) for step, one, other in pairs if one != other)


def compare(signal, data, ours):
    """(verdict, rules met, where they part): "refused" or "read" by both, or "differs"."""
    differs.clear()
    meant = theirs(signal, data)
    if meant == ours:
        return ("refused" if ours is None else "read"), set(differs), None
    rewritten, rules = messages.rewrite(signal, data)
    differs.clear()
    meant = None if rewritten is None else theirs(signal, rewritten)
    if meant != ours:
        return "differs", set(), first_difference(ours, meant)
    return ("refused" if ours is None else "read"), rules | differs, None


def corpus(folder):
    """Each of its files as each signal; the first byte is the fuzzer's choice of one."""
    files = sorted(path for path in pathlib.Path(folder).glob("protobuf*/*") if path.is_file())
    if not files:
        raise SystemExit(f"decode.py: no corpus in {folder}")
    return [(signal, path.read_bytes()[1:]) for path in files for signal in range(len(ROOTS))]


def main():
    program, folder = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else time.time_ns() % 1_000_000
    print(f"decode: protobuf runtime {api_implementation.Type()}, {count} messages from seed {seed}", flush=True)
    source = messages.Source(seed)
    verdicts, rules, shown, size, todo = Counter(), Counter(), 0, 0, corpus(folder)
    total = count + len(todo)
    while todo:
        for (signal, data), (ours, text) in zip(todo, ask(program, todo), strict=True):
            verdict, met, where = compare(signal, data, ours)
            verdicts[verdict] += 1
            rules.update(met)
            size += len(data)
            if verdict == "differs" and shown < SHOWN:
                shown += 1
                print(f"signal {signal}, {where}{'' if ours else f' ({text})'}:\n  {data.hex()}")
        left = total - verdicts.total()
        todo = source.messages(min(left, CHUNK))
    print(f"decode: {total} messages, {size} bytes: {verdicts['read']} read alike, {verdicts['refused']} refused by both")
    for rule, times in sorted(rules.items()):
        print(f"  {times:6} by the rule: {rule}")
    if verdicts["differs"]:
        print(f"decode: {verdicts['differs']} differ")
    return 1 if verdicts["differs"] or not verdicts["read"] else 0


if __name__ == "__main__":
    sys.exit(main())

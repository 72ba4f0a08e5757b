"""Made-up OTLP messages for decode.py, and the rules in which our decoder differs from protobuf's runtime.

What exists is read off the descriptors that Google's compiler made of the official .proto files, so a new
field is met at once.
"""

import codecs
import random
import struct

from google.protobuf.descriptor import FieldDescriptor as F
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

ROOTS = (TracesData, MetricsData, LogsData)
VARINT, I64, LEN, GROUP, GROUP_END, I32 = range(6)
PROFILES = ("key_strindex", "string_value_strindex")  # only the profiling signal has them

FIXED64 = (F.TYPE_FIXED64, F.TYPE_SFIXED64, F.TYPE_DOUBLE)


def is_id(field):
    return field.type == F.TYPE_BYTES and field.name.endswith("_id")


def kind_of(field):
    """How one value of it stands on the wire."""
    if field.type in FIXED64:
        return I64
    if field.type == F.TYPE_FIXED32:
        return I32
    return LEN if field.type in (F.TYPE_MESSAGE, F.TYPE_STRING, F.TYPE_BYTES) else VARINT


# ---- making ----


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def padded(value, size):
    """A varint that is longer than needed."""
    out = bytearray(varint(value))
    while len(out) < size:
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


SHORT = [varint(n) for n in range(1 << 14)]
WHOLE = [0, 1, 2, 3, 23, 127, 128, 300, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2]
VARINTS = [varint(n) for n in WHOLE] + [padded(n, size) for n in (0, 1, 200) for size in (2, 5, 10)]
FIXED = [struct.pack("<Q", n) for n in WHOLE] + [struct.pack("<Q", 1_700_000_000_000_000_000)]
FIXED += [struct.pack("<d", n) for n in (0.1, -0.0, 1e-310, 5e-324, 1.7976931348623157e308, 1 / 3, 2.5, -1e22)]
FIXED += [bytes.fromhex(n) for n in ("000000000000f07f", "000000000000f0ff", "000000000000f8ff", "010000000000f07f")]
FIXED32 = [struct.pack("<I", n) for n in (0, 1, 257, 2**31, 2**32 - 1)]
NUMBERS = {VARINT: VARINTS, I64: FIXED, I32: FIXED32}
TEXTS = ["", "a", "service.name", "GET /items/{id}", 'quote " back \\ tab \t zero \0 del \x7f', "äöü", "日本語", "🧊",
         "\u2028\ufffd\uffff", "x" * 127, "y" * 128, "é" * 64]
TEXTS = [text.encode() for text in TEXTS]
BYTES = [b"", b"\0", b"\xff\xfe", bytes(range(16)), bytes(range(255, 247, -1)), bytes(range(256))]
TRACE_IDS = [bytes(16), bytes(range(1, 17)), b"\xff" * 16]
SPAN_IDS = [bytes(8), bytes(range(1, 9)), b"\xff" * 8]
DEEPEST = 60  # of nested values, each two or three messages


def length(data):
    return (SHORT[len(data)] if len(data) < len(SHORT) else varint(len(data))) + data


class Source:
    """Messages from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.one = self.random.random
        self.tables = {}

    def pick(self, things):
        return things[int(self.one() * len(things))]

    def messages(self, count):
        """(signal, bytes), half of them spoilt."""
        out = []
        for _ in range(count // 2):
            signal = int(self.one() * len(ROOTS))
            data = self.message(ROOTS[signal].DESCRIPTOR, 0)
            out.append((signal, data))
            out.append((signal if self.one() < 0.98 else int(self.one() * len(ROOTS)), self.spoilt(data)))
        while len(out) < count:
            out.append((0, self.message(TracesData.DESCRIPTOR, 0)))
        return out

    def table(self, message):
        rows = []
        for field in message.fields:
            if field.name in PROFILES:
                continue
            kind = kind_of(field)
            pool = {F.TYPE_STRING: TEXTS, F.TYPE_BYTES: BYTES}.get(field.type) or NUMBERS.get(kind)
            if is_id(field):
                pool = TRACE_IDS if field.name == "trace_id" else SPAN_IDS
            tag, packed = varint(field.number << 3 | kind), None
            if field.is_repeated and kind != LEN:
                packed = varint(field.number << 3 | LEN)
            rows.append((tag, kind, pool, field.message_type, field.is_repeated, packed))
        inner = [row for row in rows if row[3]]
        self.tables[message] = (rows, inner)
        return rows, inner

    def message(self, message, depth):
        """Some of its fields: in order or not, once or again; now and then what no table knows."""
        rows, inner = self.tables.get(message) or self.table(message)
        one, out = self.one, []
        share = 0.9 if depth < 3 else 0.55 if depth < 6 else 0.25
        for row in rows:
            if one() < share:
                self.field(out, row, depth)
        luck = one()
        if luck < 0.10 and rows:  # a field comes twice, or out of order
            self.field(out, self.pick(rows), depth)
            if luck < 0.05:
                self.random.shuffle(out)
        elif luck < 0.14:
            out.insert(int(one() * (len(out) + 1)), self.unknown())
        elif luck < 0.15 and inner:
            out.append(self.deep(message))
        return b"".join(out)

    def field(self, out, row, depth):
        tag, kind, pool, message, repeated, packed = row
        one = self.one
        times = 1
        if repeated and one() < 0.4:
            times = int(one() * 4)
        if packed and one() < 0.7:
            run = b"".join([self.value(kind, pool) for _ in range(times)])
            out.append(packed + length(run))
            return
        for _ in range(times):
            if message:
                data = self.message(message, depth + 1)
                out.append(tag + length(data))
            elif kind == LEN:
                data = self.pick(pool)
                if one() < 0.004:
                    data = data[:-1] if one() < 0.5 else data + b"\x80"
                out.append(tag + length(data))
            else:
                out.append(tag + self.value(kind, pool))

    def value(self, kind, pool):
        if kind == VARINT and self.one() < 0.3:
            return self.pick(SHORT)
        return self.pick(pool)

    def unknown(self):
        """A field that is in no table, or has the wrong wire type; a group now and then."""
        number = self.pick((1, 2, 3, 5, 9, 15, 16, 17, 19, 100, 2047, 2048, 2**29 - 1))
        kind = self.pick((VARINT, I64, I32, GROUP, LEN))
        tag = varint(number << 3 | kind)
        if kind == LEN:
            return (tag if number > 16 else varint(100 << 3 | LEN)) + length(self.pick(BYTES))
        if kind == GROUP:
            inner = b"".join([self.unknown() for _ in range(int(self.one() * 3))])
            if self.one() < 0.05:
                deep = self.pick((5, 90, 95, 99, 100, 101))
                inner = tag * deep + inner + varint(number << 3 | GROUP_END) * deep
            return tag + inner + varint(number << 3 | GROUP_END)
        return tag + self.value(kind, NUMBERS[kind])

    def deep(self, message):
        """One field, and in it values within values: around how deep both may go."""
        rows, inner = self.tables.get(message) or self.table(message)
        tag, _, _, below, _, _ = self.pick(inner)
        if below.name != "AnyValue":
            return tag + length(self.deep(below)) if (self.tables.get(below) or self.table(below))[1] else b""
        data = b"\x0a\x01x"
        for _ in range(int(self.one() * DEEPEST)):
            if self.one() < 0.97:
                data = b"\x2a" + length(b"\x0a" + length(data))
            else:
                data = b"\x32" + length(b"\x0a" + length(b"\x0a\x01k\x12" + length(data)))
        return tag + length(data)

    def spoilt(self, data):
        out = bytearray(data)
        for _ in range(1 + int(self.one() * self.one() * 6)):
            at, what = int(self.one() * (len(out) + 1)), self.one()
            if what < 0.35 and at < len(out):
                out[at] ^= 1 << int(self.one() * 8)
            elif what < 0.60 and at < len(out):
                out[at] = self.pick((0, 1, 2, 0x7F, 0x80, 0xFF, int(self.one() * 256)))
            elif what < 0.70:
                out[at:at] = bytes([int(self.one() * 256)])
            elif what < 0.80:
                del out[at : at + 1 + int(self.one() * 4)]
            elif what < 0.90:
                start = int(self.one() * (len(out) + 1))
                out[at:at] = out[start : start + int(self.one() * 40)]
            elif what < 0.95:
                out[at:at] = self.unknown()
            else:
                del out[at:]
        return bytes(out)


# ---- where we differ ----

REPAIRED = "text that is not UTF-8 is repaired, not refused"
BEYOND = "a varint of more than 64 bits is refused, not cut"
LONG = "a tag or length of more than five bytes is read"
LISTS = "of two lists in one value the last counts, they are not joined"
PROFILED = "what only profiles have is unknown"
GROUPS = "unknown groups nest by themselves, not on top of messages"
DEPTH = 100


class Refused(Exception):
    """The bytes are none of protobuf's."""


class Rewriter:
    """Reads messages by our rules and writes them for the runtime, without what no table knows.

    `met` are the rules that made a difference."""

    def __init__(self):
        self.met = set()
        self.depth = 0

    def varint(self, data, at, shortest=False):
        value, start = 0, at
        for shift in range(0, 70, 7):
            if at >= len(data):
                raise Refused
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise Refused
        if value >= 1 << 64:
            self.met.add(BEYOND)
            raise Refused
        if shortest and at - start > 5:
            self.met.add(LONG)
        return value, at

    def tag(self, data, at):
        tag, at = self.varint(data, at, shortest=True)
        if tag >= 1 << 32 or tag >> 3 == 0 or tag & 7 > I32:
            raise Refused
        return tag >> 3, tag & 7, at

    def fields(self, data):
        """(number, kind, content as it stands behind tag and length) of each."""
        at = 0
        while at < len(data):
            number, kind, start = self.tag(data, at)
            at, start = self.content(data, number, kind, start)
            yield number, kind, data[start:at]

    def content(self, data, number, kind, at):
        """Where it ends and begins."""
        start = at
        if kind == VARINT:
            _, at = self.varint(data, at)
        elif kind == LEN:
            size, start = self.varint(data, at, shortest=True)
            at = start + size
        elif kind == GROUP:
            at = self.group(data, number, at)
        elif kind == GROUP_END:
            raise Refused
        else:
            at += 8 if kind == I64 else 4
        if at > len(data):
            raise Refused
        return at, start

    def group(self, data, number, at):
        open_groups = [number]
        while open_groups:
            if self.depth + len(open_groups) > DEPTH:
                self.met.add(GROUPS)
            number, kind, at = self.tag(data, at)
            if kind == GROUP_END:
                if open_groups.pop() != number:
                    raise Refused
            elif kind == GROUP:
                if len(open_groups) == DEPTH:
                    raise Refused
                open_groups.append(number)
            else:
                at, _ = self.content(data, number, kind, at)
        return at

    def text(self, data):
        """Every byte that belongs to no character becomes one U+FFFD."""
        try:
            data.decode()
            return data
        except UnicodeDecodeError:
            self.met.add(REPAIRED)
        return data.decode(errors="byte by byte").encode()

    def message(self, data, message):
        rows = {field.number: field for field in message.fields}
        out, joined = [], {}
        for number, kind, content in self.fields(data):
            field = rows.get(number)
            if field is None or (kind != kind_of(field) and not (kind == LEN and field.is_repeated)):
                continue
            if field.name in PROFILES:
                self.met.add(PROFILED)
                continue
            if message.name == "AnyValue":
                if out and field.message_type and out[-1][0] == number:
                    self.met.add(LISTS)
                for replaced in out:
                    self.field(*replaced)  # what does not count must be valid all the same
                out.clear()
            if field.type == F.TYPE_STRING:
                content = self.text(content)
            elif field.message_type and not field.is_repeated and not field.containing_oneof:
                joined[number] = content = joined.get(number, b"") + content
                out = [one for one in out if one[0] != number]
            elif kind == LEN and not field.message_type and field.type != F.TYPE_BYTES:
                self.run(content, kind_of(field))
            out.append((number, kind, content, field.message_type))
        return b"".join(self.field(*one) for one in out)

    def run(self, content, kind):
        """Numbers, packed."""
        at = 0
        while at < len(content):
            at, _ = self.content(content, 0, kind, at)

    def field(self, number, kind, content, message):
        if message:
            self.depth += 1
            content = self.message(content, message)
            self.depth -= 1
        return varint(number << 3 | kind) + (length(content) if kind == LEN else content)


codecs.register_error("byte by byte", lambda error: ("\ufffd" * (error.end - error.start), error.end))


def rewrite(signal, data):
    """The message for the runtime, None when our rules refuse it; and which of them made a difference."""
    rewriter = Rewriter()
    try:
        return rewriter.message(data, ROOTS[signal].DESCRIPTOR), rewriter.met
    except Refused:
        return None, rewriter.met

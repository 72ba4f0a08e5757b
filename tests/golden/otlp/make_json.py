"""Writes the .json files of this folder, and the messages in which every field is set.

Not run by any test. It needs the packages opentelemetry-proto and protobuf; protobuf's own JSON
mapping does the work, and only the ids are turned from base64 into OTLP's hexadecimal.
"""
import base64
import itertools
import json
import pathlib

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE = pathlib.Path(__file__).parent
REQUESTS = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest,
            "logs": ExportLogsServiceRequest}
IDS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
numbers = itertools.count(1)


def scalar(field):
    n = next(numbers)
    if field.name in IDS:
        return bytes((n * 7 + i) % 256 for i in range(IDS[field.name]))
    if field.cpp_type == field.CPPTYPE_STRING:
        return bytes([n % 256, 255]) if field.type == field.TYPE_BYTES else f"text {n}"
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return n + 0.1
    if field.cpp_type == field.CPPTYPE_BOOL:
        return True
    if field.cpp_type == field.CPPTYPE_ENUM:
        return field.enum_type.values[-1].number
    if field.type in (field.TYPE_SINT32, field.TYPE_INT64, field.TYPE_SFIXED64):
        return -n
    return n + (2**53 if field.cpp_type == field.CPPTYPE_UINT64 else 0)


def fill(message, depth=0, member=None):
    """Every field, of a oneof the member-th one; where a oneof is in a list, all its members."""
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if "strindex" in field.name or (depth > 9 and field.message_type):
            continue  # profiles only; and somewhere lists in lists must end
        if oneof and len(oneof.fields) > 1 and field != oneof.fields[(member or 0) % len(oneof.fields)]:
            continue
        if field.message_type and field.is_repeated:
            inner = field.message_type
            spread = {"AnyValue": 7, "KeyValue": 7, "Metric": 5}.get(inner.name, 2)
            for i in range(spread if depth < 6 else 1):
                fill(getattr(message, field.name).add(), depth + 1, i)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), depth + 1, member)
        elif field.is_repeated:
            getattr(message, field.name).extend([scalar(field), scalar(field)])
        else:
            setattr(message, field.name, scalar(field))


def hex_ids(value):
    if isinstance(value, list):
        return [hex_ids(element) for element in value]
    if not isinstance(value, dict):
        return value
    turned = {}
    for key, inner in value.items():
        if key not in {"traceId", "spanId", "parentSpanId"}:
            turned[key] = hex_ids(inner)
        elif len(base64.b64decode(inner)) in (8, 16):  # others are not ids, and left out
            turned[key] = base64.b64decode(inner).hex()
    return turned


def write_json(name, message, indent=1):
    tree = hex_ids(json_format.MessageToDict(message, use_integers_for_enums=True))
    text = json.dumps(tree, indent=indent, ensure_ascii=False) + "\n"
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")


for signal, request in REQUESTS.items():
    write_json(signal, request.FromString((HERE / f"{signal}.bin").read_bytes()))
    full = request()
    fill(full)
    (HERE / f"{signal}_full.bin").write_bytes(full.SerializeToString(deterministic=True))
    write_json(f"{signal}_full", full, indent=None)

"""What OTLP/JSON means, and where two of them differ.

Removed is only what has no meaning: fields at their default, the order of attributes, whether a 64-bit number is
written as text, the order of a metric's points. The order of resources, scopes and items stays, and so does a key that is there twice.
"""

import base64
import json
import math

INTEGERS = {
    "intValue", "asInt", "count", "zeroCount", "timeUnixNano", "startTimeUnixNano", "endTimeUnixNano",
    "observedTimeUnixNano", "bucketCounts",
}  # fmt: skip
REALS = {"doubleValue", "asDouble", "sum", "min", "max", "quantile", "value", "zeroThreshold", "explicitBounds"}
PRESENT = {"intValue", "doubleValue", "boolValue", "stringValue", "bytesValue", "arrayValue", "kvlistValue", "asInt",
           "asDouble", "sum", "min", "max", "gauge", "histogram", "exponentialHistogram", "summary"}  # fmt: skip
ATTRIBUTES = {"attributes", "filteredAttributes", "metadata"}


def real(text):
    number = float(text)
    return "NaN" if math.isnan(number) else number


def scalar(key, value):
    if isinstance(value, list):
        return [scalar(key, one) for one in value]
    if isinstance(value, dict):
        return meaning(value)
    if key in INTEGERS:
        return int(value)
    if key in REALS:
        return real(value)
    if key == "bytesValue":
        return base64.b64decode(value).hex()
    return value


def attributes(pairs):
    known = [(pair.get("key", ""), meaning(pair.get("value") or {})) for pair in pairs]
    return {f"{key}" if [k for k, _ in known].count(key) == 1 else f"{key}#{i}": value for i, (key, value) in enumerate(known)}


def meaning(anything):
    if isinstance(anything, list):
        return [meaning(one) for one in anything]
    if not isinstance(anything, dict):
        return anything
    found = {}
    for key, value in anything.items():
        if key in ATTRIBUTES:
            value = attributes(value)
        elif key == "dataPoints":
            value = sorted(meaning(value), key=lambda point: json.dumps([point.get("attributes"), point], sort_keys=True))
        elif key == "kvlistValue":
            value = attributes(value.get("values", []))
        elif key == "arrayValue":
            value = meaning(value.get("values", []))
        elif key != "value" or not isinstance(value, dict):
            value = scalar(key, value)
        else:
            value = meaning(value)
        if key in PRESENT or value not in (None, "", 0, False, [], {}):
            found[key] = value
    return found


def differences(ours, theirs, path=""):
    """(path, ours, theirs) of each; None is what is not there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else key)
    elif isinstance(ours, list) and isinstance(theirs, list):
        for i in range(max(len(ours), len(theirs))):
            yield from differences(ours[i] if i < len(ours) else None, theirs[i] if i < len(theirs) else None, f"{path}[{i}]")
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool) or isinstance(ours, float) != isinstance(theirs, float):
        yield path, ours, theirs

"""Writes measurements.json as a C header: the rows that send.c follows.

usage: plan.py MEASUREMENTS.json > send.h

The header's types are send.c's: Add, Row and LogRow. Numbers without a fraction are integers, as in every sender.
"""

import itertools
import json
import sys

numbers = itertools.count()


def text(value):
    """A string literal with its length; every byte beyond plain ASCII as three octal digits."""
    data = value.encode()
    plain = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in data)
    return f'{{ "{plain}", {len(data)} }}'


def attribute(key, value):
    if isinstance(value, bool):
        typed = f"CRYO_BOOLEAN, 0, {{ .boolean = {str(value).lower()} }}"
    elif isinstance(value, int):
        typed = f"CRYO_INTEGER, 0, {{ .integer = INT64_C({value}) }}"
    elif isinstance(value, float):
        typed = f"CRYO_DOUBLE, 0, {{ .real = {value!r} }}"
    else:
        typed = f"CRYO_STRING, 0, {{ .string = {text(value)} }}"
    return f"{{ {text(key)}, {{ {typed} }} }}"


def array(kind, items):
    """Defines an array and gives what refers to it: pointer and count."""
    if not items:
        return "{ NULL, 0 }"
    name = f"plan_{next(numbers)}"
    print(f"static const {kind} {name}[] = {{ {', '.join(items)} }};")
    return f"{{ {name}, {len(items)} }}"


def attributes(pairs):
    return array("CryoAttr", [attribute(key, value) for key, value in pairs.items()])


def row(kind, measured):
    adds = array("Add", [f"{{ {add['value']!r}, {attributes(add['attributes'])} }}" for add in measured["adds"]])
    bounds = array("double", [repr(float(bound)) for bound in measured.get("bounds", [])])
    whole = str(measured.get("integer", False)).lower()
    name, unit = json.dumps(measured["name"]), json.dumps(measured["unit"])
    return f"{{ {kind}, {name}, {unit}, {whole}, {bounds}, {adds} }}"


def log_row(log):
    return f"{{ {log['severity']}, {text(log['text'])}, {text(log['body'])}, {attributes(log['attributes'])} }}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    kinds = {
        "counters": "CRYO_COUNTER",
        "up_downs": "CRYO_UP_DOWN_COUNTER",
        "histograms": "CRYO_HISTOGRAM",
        "gauges": "CRYO_OBSERVABLE_GAUGE",
    }
    rows = [row(kind, measured) for key, kind in kinds.items() for measured in plan[key]]
    logs = [log_row(log) for log in plan["logs"]]
    print("static const Row plan_rows[] = {", ",\n".join(rows), "};")
    print("static const LogRow plan_logs[] = {", ",\n".join(logs), "};")


if __name__ == "__main__":
    main()

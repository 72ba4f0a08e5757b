"""What measurements.json must look like in Prometheus and Loki, and whether a server says so.

    prometheus(url, service) and loki(url, sent) yield a line per difference.
"""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

WAIT_SECONDS = 15
HERE = os.path.dirname(os.path.abspath(__file__))


def plan():
    with open(os.path.join(HERE, "measurements.json"), encoding="utf-8") as file:
        return json.load(file)


def ask(url, path, **parameters):
    try:
        with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{path} answers {error.code}: {error.read(300).decode(errors='replace')}") from None


def text(value):
    """An attribute's value as a label: as JSON writes it, text as it is."""
    return value if isinstance(value, str) else json.dumps(value)


def label_name(key):
    return key.replace(".", "_")


def labelled(attributes, **more):
    return {label_name(key): text(value) for key, value in attributes.items()} | more


def sums(row):
    """The values of each attribute set, in order of first use."""
    sets = {}
    for add in row["adds"]:
        sets.setdefault(json.dumps(add["attributes"], sort_keys=True), []).append(add["value"])
    return [(json.loads(key), values) for key, values in sets.items()]


def expected_series(measurements):
    """(metric, labels, value) of every series that the measurements make."""
    names = measurements["prometheus"]
    for row in measurements["counters"] + measurements["up_downs"] + measurements["gauges"]:
        for attributes, values in sums(row):
            yield names[row["name"]], labelled(attributes), sum(values)
    for row in measurements["histograms"]:
        for attributes, values in sums(row):
            name, labels = names[row["name"]], labelled(attributes)
            yield f"{name}_count", labels, len(values)
            yield f"{name}_sum", labels, sum(values)
            for bound in row["bounds"] + [float("inf")]:
                le = "+Inf" if bound == float("inf") else f"{bound:g}"
                yield f"{name}_bucket", labels | {"le": le}, sum(value <= bound for value in values)


def wait_for(read, enough):
    """Reads until there is enough, or the time is over; gives what was read last."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = read()
        if enough(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def selector(name, labels):
    pairs = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels.items())
    return f"{name}{{{pairs}}}"


def prometheus(url, service, prefix="", job="job"):
    for name, labels, value in expected_series(plan()):
        query = selector(prefix + name, labels | {job: service})
        found = wait_for(lambda query=query: ask(url, "/api/v1/query", query=query)["result"], bool)
        values = [float(series["value"][1]) for series in found]
        if values != [value]:
            yield f"{query}: sent {value!r}, arrived {values!r}"


def loki_lines(url, service):
    data = ask(url, "/loki/api/v1/query_range", query=f'{{service_name="{service}"}}', limit=1000)
    return [(line, stream["stream"]) for stream in data["result"] for _, line, *_ in stream["values"]]


def loki(url, sent):
    rows = plan()["logs"]
    inside = next(span for span in sent["spans"] if span["name"] == sent["logs_inside"])
    found = wait_for(lambda: loki_lines(url, sent["service"]), lambda lines: len(lines) >= len(rows))
    if len(found) != len(rows):
        yield f"sent {len(rows)} log records, {len(found)} arrived"
    for row in rows:
        want = labelled(row["attributes"], severity_text=row["text"], severity_number=str(row["severity"]),
                        trace_id=inside["traceId"], span_id=inside["spanId"], team="blue", scope_name="interop")
        labels = next((labels for line, labels in found if line == row["body"]), None)
        if labels is None:
            yield f"log {row['body']!r} is missing"
            continue
        for key, value in want.items():
            if labels.get(key) != value:
                yield f"log {row['body']!r}: {key}: sent {value!r}, arrived {labels.get(key)!r}"

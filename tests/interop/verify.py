"""Compares what a client says it sent with what arrived, field by field.

usage: verify.py apis URL EXPECTED.json       asks our Jaeger, Prometheus and Loki APIs
       verify.py otlp FILE EXPECTED.json      reads the Collector's file exporter (OTLP JSON lines)

Prints each difference; the exit status is their number, at most 100.
"""

import itertools
import json
import sys
import time
import urllib.error
import urllib.request

import collected
import measured

WAIT_SECONDS = 15


def from_jaeger(url, expected):
    """Traces by id, read until every expected span is there or the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    wanted = {span["traceId"] for span in expected["spans"]}
    while True:
        found = {}
        for trace_id in wanted:
            try:
                with urllib.request.urlopen(f"{url}/api/traces/{trace_id}") as answer:
                    for trace in json.load(answer)["data"]:
                        for span in trace["spans"]:
                            found[span["spanID"]] = jaeger_span(span, trace["processes"])
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
        if len(found) >= len(expected["spans"]) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def jaeger_value(tag):
    value = tag["value"]
    if tag["type"] == "int64":
        return int(value)
    if tag["type"] == "string" and isinstance(value, str) and value[:1] == "[":
        try:
            return json.loads(value)  # arrays travel as JSON text
        except ValueError:
            return value
    return value


def jaeger_tags(tags):
    return {tag["key"]: jaeger_value(tag) for tag in tags}


def jaeger_span(span, processes):
    tags = jaeger_tags(span["tags"])
    process = processes[span["processID"]]
    parents = [r for r in span["references"] if r["refType"] == "CHILD_OF"]
    events = []
    for log in span["logs"]:
        fields = jaeger_tags(log["fields"])
        events.append({"name": fields.pop("event", ""), "micros": log["timestamp"], "attributes": fields})
    return {
        "traceId": span["traceID"],
        "spanId": span["spanID"],
        "parentSpanId": parents[0]["spanID"] if parents else "",
        "name": span["operationName"],
        "startMicros": span["startTime"],
        "durationMicros": span["duration"],
        "kind": tags.pop("span.kind", "internal"),
        "status": {"code": tags.pop("otel.status_code", "UNSET"), "message": tags.pop("otel.status_description", "")},
        "scope": {"name": tags.pop("otel.scope.name", ""), "version": tags.pop("otel.scope.version", "")},
        "error": tags.pop("error", False),
        "attributes": tags,
        "events": events,
        "links": [r for r in span["references"] if r["refType"] == "FOLLOWS_FROM"],
        "service": process["serviceName"],
        "resource": jaeger_tags(process["tags"]),
    }


def differences(sent, got, service):
    """Yields (what, sent, arrived) for every field that is not the same."""
    same = ("traceId", "spanId", "parentSpanId", "name", "kind", "status", "scope", "attributes")
    for field in same:
        if collected.typed(sent[field]) != collected.typed(got[field]):
            yield field, sent[field], got[field]
    start, end = int(sent["startNanos"]), int(sent["endNanos"])
    if start // 1000 != got["startMicros"]:
        yield "start", start // 1000, got["startMicros"]
    if abs((end - start) // 1000 - got["durationMicros"]) > 1:
        yield "duration", (end - start) // 1000, got["durationMicros"]
    if got["error"] != (sent["status"]["code"] == "ERROR"):
        yield "error", sent["status"], got["error"]
    events = [{"name": e["name"], "micros": int(e["nanos"]) // 1000, "attributes": e["attributes"]} for e in sent["events"]]
    if collected.typed(events) != collected.typed(got["events"]):
        yield "events", events, got["events"]
    links = [(link["traceId"], link["spanId"]) for link in sent["links"]]
    if links != [(link["traceID"], link["spanID"]) for link in got["links"]]:
        yield "links", links, got["links"]
    if got["service"] != service:
        yield "service", service, got["service"]
    # our library adds facts about the process, which its sender does not repeat
    resource = {k: v for k, v in sent.get("resource", got["resource"]).items() if k != "service.name"}
    if resource != got["resource"]:
        yield "resource", resource, got["resource"]


def main():
    source, where, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    if source == "apis":
        found = from_jaeger(where, expected)
        others = measured.prometheus(where, expected["service"]), measured.loki(where, expected)
    else:
        found = collected.spans(where, expected)
        resource = next((span["resource"] | {"service.name": span["service"]} for span in found.values()), {})
        others = collected.metrics(where, expected, resource), collected.logs(where, expected, resource)
    bad = 0
    for problem in itertools.chain(*others):
        print(f"    {problem}")
        bad += 1
    for sent in expected["spans"]:
        got = found.get(sent["spanId"])
        problems = list(differences(sent, got, expected["service"])) if got else [("span", sent["name"], "missing")]
        for what, want, have in problems:
            print(f"    {sent['name']}: {what}\n      sent    {want!r}\n      arrived {have!r}")
        bad += len(problems)
    if len(found) != len(expected["spans"]) or not expected["spans"]:
        print(f"    sent {len(expected['spans'])} spans, {len(found)} arrived")
        bad += 1
    return min(bad, 100)


if __name__ == "__main__":
    sys.exit(main())

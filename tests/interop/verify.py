"""Compares what a client says it sent with what arrived, field by field.

usage: verify.py apis URL EXPECTED.json       asks our Jaeger, Prometheus and Loki APIs
       verify.py otlp FILE EXPECTED.json      reads the Collector's file exporter (OTLP JSON lines)

Prints each difference; the exit status is their number, at most 100.
"""

import base64
import itertools
import json
import sys
import time
import urllib.error
import urllib.request

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


def otlp_value(value):
    kind, inner = next(iter(value.items()), (None, None))
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [otlp_value(v) for v in inner.get("values", [])]
    if kind == "bytesValue":
        return base64.b64decode(inner)
    return inner


def otlp_attributes(pairs):
    return {pair["key"]: otlp_value(pair["value"]) for pair in pairs}


def otlp_span(span, scope, resource):
    kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"]
    status = span.get("status", {})
    code = ["UNSET", "OK", "ERROR"][status.get("code", 0)]
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    return {
        "traceId": span["traceId"],
        "spanId": span["spanId"],
        "parentSpanId": span.get("parentSpanId", ""),
        "name": span["name"],
        "startMicros": start // 1000,
        "durationMicros": (end - start) // 1000,
        "kind": kinds[span.get("kind", 0)],
        "status": {"code": code, "message": status.get("message", "")},
        "scope": {"name": scope.get("name", ""), "version": scope.get("version", "")},
        "error": code == "ERROR",
        "attributes": otlp_attributes(span.get("attributes", [])),
        "events": [
            {"name": e.get("name", ""), "micros": int(e["timeUnixNano"]) // 1000, "attributes": otlp_attributes(e.get("attributes", []))}
            for e in span.get("events", [])
        ],
        "links": [{"traceID": link["traceId"], "spanID": link["spanId"]} for link in span.get("links", [])],
        "service": resource.get("service.name", ""),
        "resource": {k: v for k, v in resource.items() if k != "service.name"},
    }


def from_otlp(path, expected):
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = {}
        try:
            with open(path, encoding="utf-8") as lines:
                for line in filter(str.strip, lines):
                    for group in json.loads(line).get("resourceSpans", []):
                        resource = otlp_attributes(group["resource"].get("attributes", []))
                        for scoped in group["scopeSpans"]:
                            for span in scoped["spans"]:
                                found[span["spanId"]] = otlp_span(span, scoped.get("scope", {}), resource)
        except (OSError, ValueError):
            found = {}  # not there yet, or a line is half written
        wanted = {span["spanId"] for span in expected["spans"]}
        if wanted <= found.keys() or time.monotonic() > deadline:
            return {key: found[key] for key in wanted & found.keys()}
        time.sleep(0.2)


def differences(sent, got, service):
    """Yields (what, sent, arrived) for every field that is not the same."""
    same = ("traceId", "spanId", "parentSpanId", "name", "kind", "status", "scope", "attributes")
    for field in same:
        if sent[field] != got[field]:
            yield field, sent[field], got[field]
    start, end = int(sent["startNanos"]), int(sent["endNanos"])
    if start // 1000 != got["startMicros"]:
        yield "start", start // 1000, got["startMicros"]
    if abs((end - start) // 1000 - got["durationMicros"]) > 1:
        yield "duration", (end - start) // 1000, got["durationMicros"]
    if got["error"] != (sent["status"]["code"] == "ERROR"):
        yield "error", sent["status"], got["error"]
    events = [{"name": e["name"], "micros": int(e["nanos"]) // 1000, "attributes": e["attributes"]} for e in sent["events"]]
    if events != got["events"]:
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
    found = from_jaeger(where, expected) if source == "apis" else from_otlp(where, expected)
    bad = 0
    others = [measured.prometheus(where, expected["service"]), measured.loki(where, expected)] if source == "apis" else []
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

"""What a real Collector's file exporter wrote (OTLP JSON lines), and whether it is what was sent.

    spans(path, sent) gives the spans by id; metrics(path, sent, resource) and logs(path, sent, resource), with the
    resource of those spans, yield a line per difference from measurements.json. Numbers keep their types: 1, 1.0 and true are three different things.
"""

import base64
import json

import measured

DELTA, CUMULATIVE = 1, 2
SCOPE = {"name": "interop", "version": "1.2.3"}
COLLECTIONS = 2  # a sender measures all, then flushes, then shuts down


def value(any_value):
    kind, inner = next(iter(any_value.items()), (None, None))
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return float(inner)
    if kind == "arrayValue":
        return [value(v) for v in inner.get("values", [])]
    if kind == "bytesValue":
        return base64.b64decode(inner)
    return inner


def attributes(pairs):
    found = {pair["key"]: value(pair["value"]) for pair in pairs}
    if len(found) != len(pairs):
        raise ValueError(f"a key twice in {pairs!r}")
    return found


def typed(anything):
    """As text that tells 1 from 1.0 and from true."""
    return json.dumps(anything, sort_keys=True, ensure_ascii=False, default=repr)


def items(path, service, signal):
    """(item, scope, resource) of everything that this service sent, in order of arrival."""
    groups, scopes, name = {
        "spans": ("resourceSpans", "scopeSpans", "spans"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    found = []
    try:
        with open(path, encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                for group in json.loads(line).get(groups, []):
                    resource = attributes(group["resource"].get("attributes", []))
                    if resource.get("service.name") != service:
                        continue
                    for scoped in group.get(scopes, []):
                        found += [(item, scoped.get("scope", {}), resource) for item in scoped[name]]
    except (OSError, json.JSONDecodeError):
        return []  # not there yet, or a line is half written
    return found


def outside(sent, nanos):
    return not sent["beganNanos"] <= int(nanos or 0) <= sent["endedNanos"]


def origin_problems(found, resource):
    """Where it all comes from: one resource, which is the spans' too, and the scope of every sender."""
    if resource.get("team") != "blue":
        yield f"resource {resource!r}"
    for item, scope, its in found:
        if typed(its) != typed(resource):
            yield f"resource {its!r}, that of the spans {resource!r}"
        if scope != SCOPE:
            yield f"scope {scope!r} of {item!r}"


# ---- spans -----------------------------------------------------------------------------------------------


def span(found, scope, resource):
    kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"]
    status = found.get("status", {})
    code = ["UNSET", "OK", "ERROR"][status.get("code", 0)]
    start, end = int(found["startTimeUnixNano"]), int(found["endTimeUnixNano"])
    return {
        "traceId": found["traceId"],
        "spanId": found["spanId"],
        "parentSpanId": found.get("parentSpanId", ""),
        "name": found["name"],
        "startMicros": start // 1000,
        "durationMicros": (end - start) // 1000,
        "kind": kinds[found.get("kind", 0)],
        "status": {"code": code, "message": status.get("message", "")},
        "scope": {"name": scope.get("name", ""), "version": scope.get("version", "")},
        "error": code == "ERROR",
        "attributes": attributes(found.get("attributes", [])),
        "events": [
            {"name": e.get("name", ""), "micros": int(e["timeUnixNano"]) // 1000, "attributes": attributes(e.get("attributes", []))}
            for e in found.get("events", [])
        ],
        "links": [{"traceID": link["traceId"], "spanID": link["spanId"]} for link in found.get("links", [])],
        "service": resource.get("service.name", ""),
        "resource": {k: v for k, v in resource.items() if k != "service.name"},
    }


def spans(path, sent):
    found = measured.wait_for(lambda: items(path, sent["service"], "spans"), lambda found: len(found) >= len(sent["spans"]))
    if len(found) > len(sent["spans"]):
        raise ValueError(f"sent {len(sent['spans'])} spans, {len(found)} arrived")
    return {item["spanId"]: span(item, scope, resource) for item, scope, resource in found}


# ---- metrics ---------------------------------------------------------------------------------------------


def expected_points(row, kind):
    """What every point of each attribute set must say."""
    for labels, values in measured.sums(row):
        if kind == "histograms":
            bounds = [float(bound) for bound in row["bounds"]]
            below = [sum(v <= bound for v in values) for bound in bounds] + [len(values)]
            yield labels, {
                "count": len(values),
                "sum": float(sum(values)),
                "min": float(min(values)),
                "max": float(max(values)),
                "bounds": bounds,
                "buckets": [after - before for before, after in zip([0] + below, below)],
            }
        else:
            yield labels, {"value": sum(values) if row["integer"] else float(sum(values))}


def said(point, kind):
    if kind == "histograms":
        return {
            "count": int(point.get("count", 0)),
            "bounds": [float(bound) for bound in point.get("explicitBounds", [])],
            "buckets": [int(count) for count in point.get("bucketCounts", [])],
        } | {name: float(point[name]) for name in ("sum", "min", "max") if name in point}
    return {"value": int(point["asInt"]) if "asInt" in point else float(point["asDouble"])}


def temporality(sent, kind):
    told = sent.get("temporality", "cumulative") == "delta" and kind in ("counters", "histograms")
    return DELTA if told else CUMULATIVE


def collections(sent, kind):
    """How often a metric is told: as a delta only where something is new."""
    return 1 if temporality(sent, kind) == DELTA else COLLECTIONS


def shape(sent, row, kind):
    """Everything about a metric but its points, as the file says it: zero and empty are left out."""
    want = {"name": row["name"], "unit": row["unit"], "description": ""}
    if kind == "gauges":
        return want | {"gauge": {}}
    if kind == "histograms":
        return want | {"histogram": {"aggregationTemporality": temporality(sent, kind)}}
    return want | {"sum": {"aggregationTemporality": temporality(sent, kind)} | ({"isMonotonic": True} if kind == "counters" else {})}


def shape_of(metric):
    found = {"name": metric.get("name", ""), "unit": metric.get("unit", ""), "description": metric.get("description", "")}
    for key, data in metric.items():
        if key not in found:
            found[key] = {name: fact for name, fact in data.items() if name != "dataPoints"}
    return found


def points_of(metric):
    return next(data["dataPoints"] for key, data in metric.items() if isinstance(data, dict) and "dataPoints" in data)


def time_problems(sent, points, kind):
    starts, before = {point.get("startTimeUnixNano", "0") for point in points}, 0
    for point in points:
        start, end = int(point.get("startTimeUnixNano", 0)), int(point.get("timeUnixNano", 0))
        if outside(sent, end) or start > end or end <= before:
            yield f"start {start}, time {end}, the point before {before}"
        before = end
    if kind != "gauges" and (len(starts) != 1 or outside(sent, min(starts))):
        yield f"start times {sorted(starts)}"


def metric_problems(sent, row, kind, exports):
    series = {}
    for metric in exports:
        if typed(shape(sent, row, kind)) != typed(shape_of(metric)):
            yield f"sent {shape(sent, row, kind)!r}, arrived {shape_of(metric)!r}"
        for point in points_of(metric):
            series.setdefault(typed(attributes(point.get("attributes", []))), []).append(point)
    for labels, want in expected_points(row, kind):
        points = series.pop(typed(labels), [])
        have = [said(point, kind) for point in points]
        if typed([want] * collections(sent, kind)) != typed(have):
            yield f"{labels!r}: sent {want!r}, arrived {have!r}"
        yield from (f"{labels!r}: {problem}" for problem in time_problems(sent, points, kind))
    yield from (f"{labels} was not sent" for labels in series)


def metrics(path, sent, resource):
    plan = measured.plan()
    rows = [(kind, row) for kind in ("counters", "up_downs", "histograms", "gauges") for row in plan[kind]]
    enough = sum(collections(sent, kind) for kind, _ in rows)
    found = measured.wait_for(lambda: items(path, sent["service"], "metrics"), lambda found: len(found) >= enough)
    if len(found) != enough:
        yield f"sent {enough} metrics, {len(found)} arrived"
    yield from origin_problems(found, resource)
    for kind, row in rows:
        exports = [metric for metric, *_ in found if metric["name"] == row["name"]]
        yield from (f"metric {row['name']}: {problem}" for problem in metric_problems(sent, row, kind, exports))


# ---- logs ------------------------------------------------------------------------------------------------


def log_facts(sent, row, nanos):
    inside = next(span for span in sent["spans"] if span["name"] == sent["logs_inside"])
    return {
        "timeUnixNano": str(nanos),
        "severityNumber": row["severity"],
        "severityText": row["text"],
        "body": {"stringValue": row["body"]},
        "attributes": row["attributes"],
        "flags": inside["flags"],
        "traceId": inside["traceId"],
        "spanId": inside["spanId"],
    }


def logs(path, sent, resource):
    rows = measured.plan()["logs"]
    found = measured.wait_for(lambda: items(path, sent["service"], "logs"), lambda found: len(found) >= len(rows))
    if len(found) != len(rows):
        yield f"sent {len(rows)} log records, {len(found)} arrived"
    yield from origin_problems(found, resource)
    for row, nanos, (record, _, _) in zip(rows, sent["logNanos"], found):
        want = log_facts(sent, row, nanos)
        have = record | {"attributes": attributes(record.get("attributes", []))}
        observed = have.pop("observedTimeUnixNano", 0)
        if outside(sent, observed):
            yield f"log {row['body']!r}: observed at {observed}"
        if typed(want) != typed(have):
            yield f"log {row['body']!r}: sent {want!r}, arrived {have!r}"

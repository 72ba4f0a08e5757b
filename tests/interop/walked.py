"""Checks what an auto-instrumented application sent about one request, through all three APIs.

usage: walked.py URL SERVICE TRACE_ID ROUTE
"""

import sys
import urllib.error
import urllib.request
import json

from measured import ask, loki_lines, wait_for


def trace(url, trace_id):
    try:
        with urllib.request.urlopen(f"{url}/api/traces/{trace_id}") as answer:
            return json.load(answer)["data"][0]["spans"]
    except urllib.error.HTTPError:
        return []


def server_span(spans):
    for span in spans:
        tags = {tag["key"]: tag["value"] for tag in span["tags"]}
        if tags.get("span.kind") == "server":
            return span, tags
    return None, {}


def problems(url, service, trace_id, route):
    spans = wait_for(lambda: trace(url, trace_id), lambda spans: server_span(spans)[0])
    span, tags = server_span(spans)
    if not span:
        yield f"no SERVER span in trace {trace_id}"
    elif span["operationName"] != f"GET {route}" or tags.get("http.route") != route:
        yield f"the SERVER span is {span['operationName']!r} with route {tags.get('http.route')!r}"
    query = f'http_server_request_duration_seconds_count{{job="{service}",http_route="{route}"}}'
    found = wait_for(lambda: ask(url, "/api/v1/query", query=query)["result"], bool)
    if [series["value"][1] for series in found] != ["1"]:
        yield f"{query}: {found!r}, not 1"
    lines = wait_for(lambda: loki_lines(url, service), lambda lines: any("was asked for" in line for line, _ in lines))
    labels = next((labels for line, labels in lines if line == "review 7 was asked for"), {})
    if labels.get("trace_id") != trace_id or (span and labels.get("span_id") not in {s["spanID"] for s in spans}):
        yield f"the log line has trace {labels.get('trace_id')!r} and span {labels.get('span_id')!r}"


def main():
    bad = 0
    for problem in problems(*sys.argv[1:5]):
        print(f"    {problem}")
        bad += 1
    return min(bad, 100)


if __name__ == "__main__":
    sys.exit(main())

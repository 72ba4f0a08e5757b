"""Sends spans with the official Python SDK and writes down what was sent.

usage: send.py grpc|http ENDPOINT none|gzip EXPECTED.json
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState


class Recorder(SpanProcessor):
    """Keeps every ended span, so that what was sent is known independently of any exporter."""

    def __init__(self):
        self.spans = []

    def on_end(self, span):
        self.spans.append(span)


def exporter(protocol, endpoint, compression):
    if protocol == "grpc":
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        kind = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=kind)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kind = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    return OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=kind)


ATTRIBUTES = {
    "text": "grüße ✓ <b>not markup</b>",
    "empty": "",
    "yes": True,
    "no": False,
    "zero": 0,
    "large": 2**53 + 1,
    "negative": -42,
    "ratio": 0.1,
    "texts": ["a", "", "c"],
    "numbers": [1, 2, 3],
    "reals": [0.5, -1.25],
    "flags": [True, False],
}


def make_spans(tracer):
    far = SpanContext(0x1234 << 64 | 7, 0x99, True, TraceFlags(1), TraceState([("vendor", "x1")]))
    with tracer.start_as_current_span(
        "GET /reviews", kind=SpanKind.SERVER, attributes=ATTRIBUTES, links=[Link(far, {"why": "batch"})]
    ) as root:
        root.add_event("cache miss", {"key": "reviews:1", "size": 12})
        with tracer.start_as_current_span("query", kind=SpanKind.CLIENT) as child:
            child.set_status(Status(StatusCode.ERROR, "no such table"))
            child.record_exception(ValueError("no such table"))
        with tracer.start_as_current_span("publish", kind=SpanKind.PRODUCER) as child:
            child.set_status(Status(StatusCode.OK))
        with tracer.start_as_current_span("consume", kind=SpanKind.CONSUMER):
            pass
        for n in range(50):
            with tracer.start_as_current_span(f"step {n}") as step:
                step.set_attribute("n", n)


def listed(attributes):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in (attributes or {}).items()}


def described(span):
    context = span.get_span_context()
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": span.kind.name.lower(),
        "startNanos": span.start_time,
        "endNanos": span.end_time,
        "attributes": listed(span.attributes),
        "events": [
            {"name": e.name, "nanos": e.timestamp, "attributes": listed(e.attributes)} for e in span.events
        ],
        "links": [
            {
                "traceId": f"{link.context.trace_id:032x}",
                "spanId": f"{link.context.span_id:016x}",
                "attributes": listed(link.attributes),
            }
            for link in span.links
        ],
        "status": {"code": span.status.status_code.name, "message": span.status.description or ""},
        "resource": listed(span.resource.attributes),
        "scope": {"name": span.instrumentation_scope.name, "version": span.instrumentation_scope.version},
    }


def main():
    protocol, endpoint, compression, out = sys.argv[1:5]
    name = f"python-{protocol}-{compression}"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "team": "blue"}))
    recorder = Recorder()
    provider.add_span_processor(recorder)
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, endpoint, compression)))
    make_spans(provider.get_tracer("interop", "1.2.3"))
    flushed = provider.force_flush(20000)
    provider.shutdown()
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"service": name, "spans": [described(s) for s in recorder.spans]}, file)
    print(f"{name}: sent {len(recorder.spans)} spans, flushed {flushed}")
    return 0 if flushed else 1


if __name__ == "__main__":
    sys.exit(main())

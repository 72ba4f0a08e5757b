"""Sends spans, metrics and logs with the official Python SDK and writes down the spans and the times.

usage: send.py grpc|http ENDPOINT none|gzip EXPECTED.json

https:// takes its certificates from the SDK's own variables, OTEL_EXPORTER_OTLP_CERTIFICATE and so on.
Metrics and logs are those of measurements.json, which every sender follows.
"""

import json
import os
import sys
import time

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

HERE = os.path.dirname(os.path.abspath(__file__))


class Recorder(SpanProcessor):
    """Keeps every ended span, so that what was sent is known independently of any exporter."""

    def __init__(self):
        self.spans = []

    def on_end(self, span):
        self.spans.append(span)


def exporters(protocol, endpoint, compression):
    if protocol == "grpc":
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        kind = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        plain = not endpoint.startswith("https://")
        return [e(endpoint=endpoint, insecure=plain, compression=kind) for e in (OTLPSpanExporter, OTLPMetricExporter, OTLPLogExporter)]
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kind = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    made = ((OTLPSpanExporter, "traces"), (OTLPMetricExporter, "metrics"), (OTLPLogExporter, "logs"))
    return [e(endpoint=f"{endpoint}/v1/{signal}", compression=kind) for e, signal in made]


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


def make_spans(tracer, inside):
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
            inside()
        for n in range(50):
            with tracer.start_as_current_span(f"step {n}") as step:
                step.set_attribute("n", n)


def measure(meter, plan):
    for row in plan["counters"]:
        counter = meter.create_counter(row["name"], unit=row["unit"])
        for add in row["adds"]:
            counter.add(add["value"], add["attributes"])
    for row in plan["up_downs"]:
        counter = meter.create_up_down_counter(row["name"], unit=row["unit"])
        for add in row["adds"]:
            counter.add(add["value"], add["attributes"])
    for row in plan["histograms"]:
        histogram = meter.create_histogram(row["name"], unit=row["unit"], explicit_bucket_boundaries_advisory=row["bounds"])
        for add in row["adds"]:
            histogram.record(add["value"], add["attributes"])
    for row in plan["gauges"]:
        seen = [Observation(add["value"], add["attributes"]) for add in row["adds"]]
        meter.create_observable_gauge(row["name"], unit=row["unit"], callbacks=[lambda _, seen=seen: seen])


def write_logs(logger, plan, times):
    for row in plan["logs"]:
        times.append(time.time_ns())
        logger.emit(
            LogRecord(
                timestamp=times[-1],
                severity_number=SeverityNumber(row["severity"]),
                severity_text=row["text"],
                body=row["body"],
                attributes=row["attributes"],
            )
        )


def listed(attributes):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in (attributes or {}).items()}


def described(span):
    context = span.get_span_context()
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "flags": int(context.trace_flags),
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
    name = f"python-{protocol}-{compression}-{os.getpid()}"  # several runs may end in one file
    began, log_times = time.time_ns(), []
    with open(os.path.join(HERE, "measurements.json"), encoding="utf-8") as file:
        plan = json.load(file)
    resource = Resource.create({"service.name": name, "team": "blue"})
    spans, metrics, logs = exporters(protocol, endpoint, compression)
    tracing = TracerProvider(resource=resource)
    recorder = Recorder()
    tracing.add_span_processor(recorder)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    measuring = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics)])
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(BatchLogRecordProcessor(logs))
    measure(measuring.get_meter("interop", "1.2.3"), plan)
    make_spans(tracing.get_tracer("interop", "1.2.3"), lambda: write_logs(logging.get_logger("interop", "1.2.3"), plan, log_times))
    flushed = all(provider.force_flush(20000) for provider in (tracing, measuring, logging))
    for provider in (tracing, measuring, logging):
        provider.shutdown()
    sent = {"service": name, "spans": [described(s) for s in recorder.spans], "logs_inside": "consume"}
    sent |= {"logNanos": log_times, "beganNanos": began, "endedNanos": time.time_ns()}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(sent, file)
    print(f"{name}: sent {len(recorder.spans)} spans, the metrics and the logs; flushed {flushed}")
    return 0 if flushed else 1


if __name__ == "__main__":
    sys.exit(main())

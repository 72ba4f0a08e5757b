// Sends spans, metrics and logs with the official Go SDK and writes down the spans.
//
//	send grpc|http URL none|gzip MEASUREMENTS.json EXPECTED.json
//
// An https:// URL takes its certificates from the SDK's own variables, OTEL_EXPORTER_OTLP_CERTIFICATE and so on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "send:", err)
		os.Exit(1)
	}
}

type exporters struct {
	spans   sdktrace.SpanExporter
	metrics sdkmetric.Exporter
	logs    sdklog.Exporter
}

func makeExporters(ctx context.Context, protocol, endpoint string, gzip bool) (e exporters) {
	var err1, err2, err3 error
	if protocol == "grpc" {
		packing := "none"
		if gzip {
			packing = "gzip"
		}
		e.spans, err1 = otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(endpoint), otlptracegrpc.WithCompressor(packing))
		e.metrics, err2 = otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(endpoint), otlpmetricgrpc.WithCompressor(packing))
		e.logs, err3 = otlploggrpc.New(ctx, otlploggrpc.WithEndpointURL(endpoint), otlploggrpc.WithCompressor(packing))
	} else {
		traces, metrics, logs := otlptracehttp.NoCompression, otlpmetrichttp.NoCompression, otlploghttp.NoCompression
		if gzip {
			traces, metrics, logs = otlptracehttp.GzipCompression, otlpmetrichttp.GzipCompression, otlploghttp.GzipCompression
		}
		e.spans, err1 = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"), otlptracehttp.WithCompression(traces))
		e.metrics, err2 = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(endpoint+"/v1/metrics"), otlpmetrichttp.WithCompression(metrics))
		e.logs, err3 = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(endpoint+"/v1/logs"), otlploghttp.WithCompression(logs))
	}
	check(errors.Join(err1, err2, err3))
	return e
}

// recorder keeps every ended span, so that what was sent is known independently of any exporter.
type recorder struct{ spans []sdktrace.ReadOnlySpan }

func (r *recorder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (r *recorder) OnEnd(s sdktrace.ReadOnlySpan)                   { r.spans = append(r.spans, s) }
func (r *recorder) Shutdown(context.Context) error                  { return nil }
func (r *recorder) ForceFlush(context.Context) error                { return nil }

func makeSpans(tracer trace.Tracer, inside func(context.Context)) {
	ctx, root := tracer.Start(context.Background(), "GET /reviews", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("text", "grüße ✓ <b>not markup</b>"), attribute.String("empty", ""),
			attribute.Bool("yes", true), attribute.Int64("large", 1<<53+1), attribute.Int("negative", -42),
			attribute.Float64("ratio", 0.1), attribute.StringSlice("texts", []string{"a", "", "c"}),
			attribute.IntSlice("numbers", []int{1, 2, 3})),
		trace.WithLinks(trace.Link{
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0: 1, 15: 7}, SpanID: trace.SpanID{7: 9}, TraceFlags: 1}),
			Attributes:  []attribute.KeyValue{attribute.String("why", "batch")},
		}))
	root.AddEvent("cache miss", trace.WithAttributes(attribute.String("key", "reviews:1"), attribute.Int("size", 12)))
	_, query := tracer.Start(ctx, "query", trace.WithSpanKind(trace.SpanKindClient))
	query.SetStatus(codes.Error, "no such table")
	query.RecordError(errors.New("no such table"))
	query.End()
	publishing, publish := tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer))
	publish.SetStatus(codes.Ok, "")
	inside(publishing)
	publish.End()
	for n := range 50 {
		_, step := tracer.Start(ctx, fmt.Sprintf("step %d", n))
		step.SetAttributes(attribute.Int("n", n))
		step.End()
	}
	root.End()
}

func listed(list []attribute.KeyValue) map[string]any {
	out := map[string]any{}
	for _, a := range list {
		out[string(a.Key)] = a.Value.AsInterface()
	}
	return out
}

func described(s sdktrace.ReadOnlySpan) map[string]any {
	parent := ""
	if s.Parent().SpanID().IsValid() {
		parent = s.Parent().SpanID().String()
	}
	events, links := []any{}, []any{}
	for _, e := range s.Events() {
		events = append(events, map[string]any{"name": e.Name, "nanos": e.Time.UnixNano(), "attributes": listed(e.Attributes)})
	}
	for _, l := range s.Links() {
		links = append(links, map[string]any{"traceId": l.SpanContext.TraceID().String(), "spanId": l.SpanContext.SpanID().String(), "attributes": listed(l.Attributes)})
	}
	return map[string]any{
		"traceId": s.SpanContext().TraceID().String(), "spanId": s.SpanContext().SpanID().String(), "parentSpanId": parent,
		"name": s.Name(), "kind": s.SpanKind().String(),
		"startNanos": s.StartTime().UnixNano(), "endNanos": s.EndTime().UnixNano(),
		"attributes": listed(s.Attributes()), "events": events, "links": links,
		"status":   map[string]any{"code": strings.ToUpper(s.Status().Code.String()), "message": s.Status().Description},
		"resource": listed(s.Resource().Attributes()),
		"scope":    map[string]any{"name": s.InstrumentationScope().Name, "version": s.InstrumentationScope().Version},
	}
}

func main() {
	protocol, endpoint, compression, measurements, out := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	service := "go-" + protocol + "-" + compression
	ctx := context.Background()
	p := readPlan(measurements)
	e := makeExporters(ctx, protocol, endpoint, compression == "gzip")
	made := resource.NewSchemaless(attribute.String("service.name", service), attribute.String("team", "blue"))
	seen := &recorder{}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithResource(made), sdktrace.WithSpanProcessor(seen), sdktrace.WithBatcher(e.spans))
	measuring := sdkmetric.NewMeterProvider(sdkmetric.WithResource(made), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e.metrics)))
	logging := sdklog.NewLoggerProvider(sdklog.WithResource(made), sdklog.WithProcessor(sdklog.NewBatchProcessor(e.logs)))
	measure(measuring.Meter("interop"), p)
	logger := logging.Logger("interop")
	makeSpans(tracing.Tracer("interop", trace.WithInstrumentationVersion("1.2.3")), func(inside context.Context) { writeLogs(inside, logger, p) })
	check(errors.Join(tracing.Shutdown(ctx), measuring.Shutdown(ctx), logging.Shutdown(ctx)))
	spans := []any{}
	for _, s := range seen.spans {
		spans = append(spans, described(s))
	}
	bytes, err := json.Marshal(map[string]any{"service": service, "spans": spans, "logs_inside": "publish"})
	check(err)
	check(os.WriteFile(out, bytes, 0o644))
	fmt.Printf("%s: sent %d spans, the metrics and the logs\n", service, len(spans))
}

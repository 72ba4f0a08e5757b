import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Sends spans, metrics and logs with the official Java SDK and writes down the spans.
 *
 * <p>usage: Send grpc|http ENDPOINT none|gzip MEASUREMENTS.json EXPECTED.json
 */
public final class Send {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Keeps every ended span, so that what was sent is known independently of any exporter. */
  private static final class Recorder implements SpanProcessor {
    final List<SpanData> spans = new ArrayList<>();

    @Override public void onStart(Context parent, ReadWriteSpan span) {}
    @Override public boolean isStartRequired() { return false; }
    @Override public void onEnd(ReadableSpan span) { spans.add(span.toSpanData()); }
    @Override public boolean isEndRequired() { return true; }
  }

  private record Exporters(SpanExporter spans, MetricExporter metrics, LogRecordExporter logs) {}

  private static Exporters exporters(String protocol, String endpoint, String compression) {
    if (protocol.equals("grpc")) {
      return new Exporters(
          OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).setCompression(compression).build(),
          OtlpGrpcMetricExporter.builder().setEndpoint(endpoint).setCompression(compression).build(),
          OtlpGrpcLogRecordExporter.builder().setEndpoint(endpoint).setCompression(compression).build());
    }
    return new Exporters(
        OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").setCompression(compression).build(),
        OtlpHttpMetricExporter.builder().setEndpoint(endpoint + "/v1/metrics").setCompression(compression).build(),
        OtlpHttpLogRecordExporter.builder().setEndpoint(endpoint + "/v1/logs").setCompression(compression).build());
  }

  private static Attributes attributes(JsonNode node) {
    AttributesBuilder out = Attributes.builder();
    node.properties().forEach(entry -> {
      JsonNode value = entry.getValue();
      if (value.isTextual()) out.put(entry.getKey(), value.asText());
      else if (value.isBoolean()) out.put(entry.getKey(), value.asBoolean());
      else if (value.isIntegralNumber()) out.put(entry.getKey(), value.asLong());
      else out.put(entry.getKey(), value.asDouble());
    });
    return out.build();
  }

  private static void measure(Meter meter, JsonNode plan) {
    for (JsonNode row : plan.get("counters")) {
      var builder = meter.counterBuilder(row.get("name").asText()).setUnit(row.get("unit").asText());
      if (row.get("integer").asBoolean()) {
        var counter = builder.build();
        for (JsonNode add : row.get("adds")) counter.add(add.get("value").asLong(), attributes(add.get("attributes")));
      } else {
        var counter = builder.ofDoubles().build();
        for (JsonNode add : row.get("adds")) counter.add(add.get("value").asDouble(), attributes(add.get("attributes")));
      }
    }
    for (JsonNode row : plan.get("up_downs")) {
      var counter = meter.upDownCounterBuilder(row.get("name").asText()).setUnit(row.get("unit").asText()).build();
      for (JsonNode add : row.get("adds")) counter.add(add.get("value").asLong(), attributes(add.get("attributes")));
    }
    for (JsonNode row : plan.get("histograms")) {
      List<Double> bounds = new ArrayList<>();
      row.get("bounds").forEach(bound -> bounds.add(bound.asDouble()));
      var histogram = meter.histogramBuilder(row.get("name").asText()).setUnit(row.get("unit").asText())
          .setExplicitBucketBoundariesAdvice(bounds).build();
      for (JsonNode add : row.get("adds")) histogram.record(add.get("value").asDouble(), attributes(add.get("attributes")));
    }
    for (JsonNode row : plan.get("gauges")) {
      meter.gaugeBuilder(row.get("name").asText()).setUnit(row.get("unit").asText()).ofLongs().buildWithCallback(seen -> {
        for (JsonNode add : row.get("adds")) seen.record(add.get("value").asLong(), attributes(add.get("attributes")));
      });
    }
  }

  private static void writeLogs(Logger logger, JsonNode plan) {
    for (JsonNode row : plan.get("logs")) {
      logger.logRecordBuilder().setTimestamp(System.currentTimeMillis(), TimeUnit.MILLISECONDS)
          .setSeverity(Severity.values()[row.get("severity").asInt()]).setSeverityText(row.get("text").asText())
          .setBody(row.get("body").asText()).setAllAttributes(attributes(row.get("attributes"))).emit();
    }
  }

  private static void within(Tracer tracer, String name, SpanKind kind, Consumer<Span> work) {
    Span span = tracer.spanBuilder(name).setSpanKind(kind).startSpan();
    try (var ignored = span.makeCurrent()) {
      work.accept(span);
    } finally {
      span.end();
    }
  }

  private static void makeSpans(Tracer tracer, Runnable inside) {
    SpanContext far = SpanContext.create("00000000000012340000000000000007", "0000000000000099",
        TraceFlags.getSampled(), TraceState.getDefault());
    Span root = tracer.spanBuilder("GET /reviews").setSpanKind(SpanKind.SERVER)
        .addLink(far, Attributes.of(AttributeKey.stringKey("why"), "batch"))
        .setAttribute("text", "grüße ✓ <b>not markup</b>").setAttribute("empty", "").setAttribute("yes", true)
        .setAttribute("large", (1L << 53) + 1).setAttribute("negative", -42).setAttribute("ratio", 0.1)
        .setAttribute(AttributeKey.stringArrayKey("texts"), List.of("a", "", "c"))
        .setAttribute(AttributeKey.longArrayKey("numbers"), List.of(1L, 2L, 3L)).startSpan();
    try (var ignored = root.makeCurrent()) {
      root.addEvent("cache miss", Attributes.of(AttributeKey.stringKey("key"), "reviews:1", AttributeKey.longKey("size"), 12L));
      within(tracer, "query", SpanKind.CLIENT, span -> {
        span.setStatus(StatusCode.ERROR, "no such table");
        span.recordException(new IllegalStateException("no such table"));
      });
      within(tracer, "publish", SpanKind.PRODUCER, span -> {
        span.setStatus(StatusCode.OK);
        inside.run();
      });
      for (int n = 0; n < 50; n++) {
        final int number = n;
        within(tracer, "step " + n, SpanKind.INTERNAL, span -> span.setAttribute("n", number));
      }
    } finally {
      root.end();
    }
  }

  private static Map<String, Object> listed(Attributes attributes) {
    Map<String, Object> out = new LinkedHashMap<>();
    attributes.forEach((key, value) -> out.put(key.getKey(), value));
    return out;
  }

  private static Map<String, Object> described(SpanData span) {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("traceId", span.getTraceId());
    out.put("spanId", span.getSpanId());
    out.put("parentSpanId", span.getParentSpanContext().isValid() ? span.getParentSpanId() : "");
    out.put("name", span.getName());
    out.put("kind", span.getKind().name().toLowerCase());
    out.put("startNanos", span.getStartEpochNanos());
    out.put("endNanos", span.getEndEpochNanos());
    out.put("attributes", listed(span.getAttributes()));
    out.put("events", span.getEvents().stream().map(event -> Map.of("name", event.getName(),
        "nanos", event.getEpochNanos(), "attributes", listed(event.getAttributes()))).toList());
    out.put("links", span.getLinks().stream().map(link -> Map.of("traceId", link.getSpanContext().getTraceId(),
        "spanId", link.getSpanContext().getSpanId(), "attributes", listed(link.getAttributes()))).toList());
    out.put("status", Map.of("code", span.getStatus().getStatusCode().name(), "message", span.getStatus().getDescription()));
    out.put("resource", listed(span.getResource().getAttributes()));
    out.put("scope", Map.of("name", span.getInstrumentationScopeInfo().getName(),
        "version", span.getInstrumentationScopeInfo().getVersion() == null ? "" : span.getInstrumentationScopeInfo().getVersion()));
    return out;
  }

  public static void main(String[] args) throws Exception {
    String service = "java-" + args[0] + "-" + args[2];
    JsonNode plan = JSON.readTree(new File(args[3]));
    Exporters exporters = exporters(args[0], args[1], args[2]);
    Resource resource = Resource.getDefault().toBuilder().put("service.name", service).put("team", "blue").build();
    Recorder recorder = new Recorder();
    var tracing = SdkTracerProvider.builder().setResource(resource).addSpanProcessor(recorder)
        .addSpanProcessor(BatchSpanProcessor.builder(exporters.spans()).build()).build();
    var measuring = SdkMeterProvider.builder().setResource(resource)
        .registerMetricReader(PeriodicMetricReader.create(exporters.metrics())).build();
    var logging = SdkLoggerProvider.builder().setResource(resource)
        .addLogRecordProcessor(BatchLogRecordProcessor.builder(exporters.logs()).build()).build();
    measure(measuring.get("interop"), plan);
    Tracer tracer = tracing.tracerBuilder("interop").setInstrumentationVersion("1.2.3").build();
    makeSpans(tracer, () -> writeLogs(logging.get("interop"), plan));
    for (var result : List.of(tracing.shutdown(), measuring.shutdown(), logging.shutdown())) {
      if (!result.join(20, TimeUnit.SECONDS).isSuccess()) throw new IllegalStateException("not all of it was delivered");
    }
    JSON.writeValue(new File(args[4]), Map.of("service", service, "logs_inside", "publish",
        "spans", recorder.spans.stream().map(Send::described).toList()));
    System.out.println(service + ": sent " + recorder.spans.size() + " spans, the metrics and the logs");
  }
}

// Sends spans, metrics and logs with the official JavaScript SDK and writes down the spans.
// usage: node send.mjs grpc|http|json ENDPOINT none|gzip MEASUREMENTS.json EXPECTED.json
//
// Metrics and logs are those of measurements.json, which every sender follows.
import { readFileSync, writeFileSync } from 'node:fs';
import { SpanKind, SpanStatusCode, ValueType, context, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, endpoint, compression, measurements, out] = process.argv.slice(2);
const service = `javascript-${protocol}-${compression}`;
const plan = JSON.parse(readFileSync(measurements, 'utf8'));
const forms = { grpc: 'grpc', http: 'proto', json: 'http' }; // as the packages are named

async function makeExporter(signal, name) {
  const made = await import(`@opentelemetry/exporter-${signal}-otlp-${forms[protocol]}`);
  const url = protocol === 'grpc' ? endpoint : `${endpoint}/v1/${signal === 'trace' ? 'traces' : signal}`;
  return new made[name]({ url, compression });
}

// Keeps every ended span, so that what was sent is known independently of any exporter.
class Recorder {
  spans = [];
  onStart() {}
  onEnd(span) { this.spans.push(span); }
  async forceFlush() {}
  async shutdown() {}
}

const attributes = {
  text: 'grüße ✓ <b>not markup</b>', empty: '', yes: true, no: false, zero: 0, negative: -42,
  ratio: 0.1, texts: ['a', '', 'c'], numbers: [1, 2, 3], reals: [0.5, -1.25], flags: [true, false],
};

function makeSpans(tracer, logger) {
  const far = { traceId: '0000000000001234000000000000aa07', spanId: '0000000000000099', traceFlags: 1 };
  const root = tracer.startSpan('GET /reviews',
    { kind: SpanKind.SERVER, attributes, links: [{ context: far, attributes: { why: 'batch' } }] });
  const inside = trace.setSpan(context.active(), root);
  root.addEvent('cache miss', { key: 'reviews:1', size: 12 });
  const query = tracer.startSpan('query', { kind: SpanKind.CLIENT }, inside);
  query.setStatus({ code: SpanStatusCode.ERROR, message: 'no such table' });
  query.recordException(new TypeError('no such table'));
  query.end();
  const publish = tracer.startSpan('publish', { kind: SpanKind.PRODUCER }, inside);
  publish.setStatus({ code: SpanStatusCode.OK });
  writeLogs(logger, trace.setSpan(inside, publish));
  publish.end();
  for (let n = 0; n < 50; n++) {
    const step = tracer.startSpan(`step ${n}`, {}, inside);
    step.setAttribute('n', n);
    step.end();
  }
  root.end();
}

function measure(meter) {
  const typed = (row) => ({ unit: row.unit, valueType: row.integer ? ValueType.INT : ValueType.DOUBLE });
  for (const row of plan.counters) {
    const counter = meter.createCounter(row.name, typed(row));
    for (const add of row.adds) counter.add(add.value, add.attributes);
  }
  for (const row of plan.up_downs) {
    const counter = meter.createUpDownCounter(row.name, typed(row));
    for (const add of row.adds) counter.add(add.value, add.attributes);
  }
  for (const row of plan.histograms) {
    const histogram = meter.createHistogram(row.name, { unit: row.unit, advice: { explicitBucketBoundaries: row.bounds } });
    for (const add of row.adds) histogram.record(add.value, add.attributes);
  }
  for (const row of plan.gauges) {
    const gauge = meter.createObservableGauge(row.name, typed(row));
    gauge.addCallback((seen) => { for (const add of row.adds) seen.observe(add.value, add.attributes); });
  }
}

function writeLogs(logger, inside) {
  for (const row of plan.logs) {
    logger.emit({ severityNumber: row.severity, severityText: row.text, body: row.body,
      attributes: row.attributes, context: inside });
  }
}

const nanos = ([seconds, rest]) => (BigInt(seconds) * 1000000000n + BigInt(rest)).toString();
const kinds = ['internal', 'server', 'client', 'producer', 'consumer'];
const codes = ['UNSET', 'OK', 'ERROR'];

function described(span) {
  const id = span.spanContext();
  return {
    traceId: id.traceId,
    spanId: id.spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? '',
    name: span.name,
    kind: kinds[span.kind],
    startNanos: nanos(span.startTime),
    endNanos: nanos(span.endTime),
    attributes: span.attributes,
    events: span.events.map((e) => ({ name: e.name, nanos: nanos(e.time), attributes: e.attributes ?? {} })),
    links: span.links.map((l) => ({ traceId: l.context.traceId, spanId: l.context.spanId, attributes: l.attributes ?? {} })),
    status: { code: codes[span.status.code], message: span.status.message ?? '' },
    resource: span.resource.attributes,
    scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version ?? '' },
  };
}

const resource = resourceFromAttributes({ 'service.name': service, team: 'blue' });
const recorder = new Recorder();
const tracing = new BasicTracerProvider({
  resource, spanProcessors: [recorder, new BatchSpanProcessor(await makeExporter('trace', 'OTLPTraceExporter'))],
});
const metering = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: await makeExporter('metrics', 'OTLPMetricExporter') })],
});
const logging = new LoggerProvider({
  resource, processors: [new BatchLogRecordProcessor({ exporter: await makeExporter('logs', 'OTLPLogExporter') })],
});
measure(metering.getMeter('interop', '1.2.3'));
makeSpans(tracing.getTracer('interop', '1.2.3'), logging.getLogger('interop'));
for (const provider of [tracing, metering, logging]) {
  await provider.forceFlush();
  await provider.shutdown();
}
writeFileSync(out, JSON.stringify({ service, spans: recorder.spans.map(described), logs_inside: 'publish' }));
console.log(`${service}: sent ${recorder.spans.length} spans, the metrics and the logs`);

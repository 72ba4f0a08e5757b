// Sends spans with the official JavaScript SDK and writes down what was sent.
// usage: node send.mjs grpc|http ENDPOINT none|gzip EXPECTED.json
import { writeFileSync } from 'node:fs';
import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, endpoint, compression, out] = process.argv.slice(2);
const service = `javascript-${protocol}-${compression}`;

async function makeExporter() {
  if (protocol === 'grpc') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
    return new OTLPTraceExporter({ url: endpoint, compression });
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, compression });
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

function makeSpans(tracer) {
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
  publish.end();
  for (let n = 0; n < 50; n++) {
    const step = tracer.startSpan(`step ${n}`, {}, inside);
    step.setAttribute('n', n);
    step.end();
  }
  root.end();
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

const recorder = new Recorder();
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': service, team: 'blue' }),
  spanProcessors: [recorder, new BatchSpanProcessor(await makeExporter())],
});
makeSpans(provider.getTracer('interop', '1.2.3'));
await provider.forceFlush();
await provider.shutdown();
writeFileSync(out, JSON.stringify({ service, spans: recorder.spans.map(described) }));
console.log(`${service}: sent ${recorder.spans.length} spans`);

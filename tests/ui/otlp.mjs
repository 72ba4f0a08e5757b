// A trace as OTLP protobuf, by hand: the test must not trust our own encoder with what it checks.
// Field numbers: opentelemetry/proto/trace/v1/trace.proto, common/v1/common.proto.

function varint(n) {
  const out = [];
  for (n = BigInt(n); n > 127n; n >>= 7n) out.push(Number(n & 127n) | 128);
  return Buffer.from([...out, Number(n)]);
}
const field = (number, type, bytes) => Buffer.concat([varint((number << 3) | type), bytes]);
const int = (number, n) => field(number, 0, varint(n));
const bytes = (number, value) => field(number, 2, Buffer.concat([varint(value.length), value]));
const text = (number, value) => bytes(number, Buffer.from(value));
const message = (number, ...parts) => bytes(number, Buffer.concat(parts));

function fixed64(number, n) {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(BigInt(n));
  return field(number, 1, value);
}

function anyValue(value) {
  if (typeof value === "boolean") return int(2, value ? 1 : 0);
  if (typeof value === "number") return int(3, value);
  return text(1, value);
}

// The attribute list of resource, span and event, under the field number it has there.
const attributes = (number, object) =>
  Object.entries(object).map(([key, value]) =>
    message(number, text(1, key), message(2, anyValue(value))),
  );

function spanBytes(span) {
  return [
    bytes(1, Buffer.from(span.traceId, "hex")),
    bytes(2, Buffer.from(span.id, "hex")),
    ...(span.parent ? [bytes(4, Buffer.from(span.parent, "hex"))] : []),
    text(5, span.name),
    int(6, span.kind), // 1 internal, 2 server, 3 client
    fixed64(7, span.startNs),
    fixed64(8, span.endNs),
    ...attributes(9, span.attributes ?? {}),
    ...(span.events ?? []).map((e) =>
      message(11, fixed64(1, e.timeNs), text(2, e.name), ...attributes(3, e.attributes)),
    ),
    ...(span.error !== undefined ? [message(15, text(2, span.error), int(3, 2))] : []),
  ];
}

// An ExportTraceServiceRequest with one resource and one scope.
export function traceRequest(resource, spans) {
  const scope = message(1, text(1, "tests/ui"));
  return message(
    1,
    message(1, ...attributes(1, resource)),
    message(2, scope, ...spans.map((s) => message(2, ...spanBytes(s)))),
  );
}

// From traces to logs; a file of its own because the trace view needs no more of them.
import { fixedRange, rangeParams } from "./time-range";

export const EVERYTHING = '{service_name=~".+"}';

// All lines of a trace, or of a span of it; ids as Loki has them, in full length.
export function traceQuery(traceId: string, spanId?: string): string {
  const trace = `${EVERYTHING} | trace_id="${traceId.padStart(32, "0")}"`;
  return spanId === undefined ? trace : `${trace} | span_id="${spanId.padStart(16, "0")}"`;
}

const BEFORE_MS = 60e3; // clocks differ
const AFTER_MS = 300e3; // and what a request began may speak later

export function traceLogsUrl(
  traceId: string,
  startUs: number,
  durationUs: number,
  spanId?: string,
) {
  const span = { from: startUs / 1000 - BEFORE_MS, to: (startUs + durationUs) / 1000 + AFTER_MS };
  const params = { query: traceQuery(traceId, spanId), ...rangeParams(fixedRange(span)) };
  return `/logs?${new URLSearchParams(params)}`;
}

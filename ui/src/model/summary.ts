// One line of the list of traces: what can be said about a trace without building its tree.
import type { JaegerSpan, JaegerTrace } from "../api/jaeger";
import type { Service } from "./trace";

export interface Summary {
  id: string;
  rootService: string;
  rootName: string;
  startUs: number;
  duration: number; // microseconds, from the first start to the last end
  spans: number;
  errors: number;
  services: Service[]; // the root's first, then those with most spans
}

export function isError(span: JaegerSpan): boolean {
  return (span.tags ?? []).some(
    (t) =>
      (t.key === "error" && String(t.value) === "true") ||
      (t.key === "otel.status_code" && String(t.value).toUpperCase() === "ERROR"),
  );
}

export function summarize(trace: JaegerTrace): Summary | null {
  const spans = trace.spans ?? [];
  if (spans.length === 0) return null;
  const known = new Set(spans.map((s) => s.spanID));
  const services = new Map<string, Service>();
  let root: JaegerSpan | undefined;
  let startUs = Infinity;
  let endUs = -Infinity;
  for (const span of spans) {
    startUs = Math.min(startUs, span.startTime);
    endUs = Math.max(endUs, span.startTime + span.duration);
    const hasParent = (span.references ?? []).some(
      (r) => r.refType === "CHILD_OF" && known.has(r.spanID),
    );
    if (!hasParent && (!root || span.startTime < root.startTime)) root = span;
    countIn(services, serviceOf(trace, span), isError(span));
  }
  root ??= spans[0]!;
  const rootService = serviceOf(trace, root);
  const rank = (s: Service) => (s.name === rootService ? Infinity : s.spans);
  return {
    id: trace.traceID,
    rootService,
    rootName: root.operationName || "(no name)",
    startUs,
    duration: endUs - startUs,
    spans: spans.length,
    errors: [...services.values()].reduce((n, s) => n + s.errors, 0),
    services: [...services.values()].sort((a, b) => rank(b) - rank(a)),
  };
}

export function serviceOf(trace: JaegerTrace, span: JaegerSpan): string {
  return trace.processes?.[span.processID]?.serviceName || "unknown_service";
}

function countIn(services: Map<string, Service>, name: string, failed: boolean): void {
  const service = services.get(name) ?? { name, spans: 0, errors: 0 };
  service.spans++;
  if (failed) service.errors++;
  services.set(name, service);
}

export const SORTS: readonly [string, string, (a: Summary, b: Summary) => number][] = [
  ["newest", "Newest first", (a, b) => b.startUs - a.startUs],
  ["longest", "Longest first", (a, b) => b.duration - a.duration],
  ["shortest", "Shortest first", (a, b) => a.duration - b.duration],
  ["spans", "Most spans first", (a, b) => b.spans - a.spans],
  ["errors", "Most errors first", (a, b) => b.errors - a.errors || b.startUs - a.startUs],
];

export function sorted(summaries: readonly Summary[], by: string): Summary[] {
  const compare = (SORTS.find(([name]) => name === by) ?? SORTS[0]!)[2];
  return [...summaries].sort(compare);
}

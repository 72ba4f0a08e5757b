// A trace as the waterfall needs it: spans in the order of the tree, each knowing its depth and where
// its subtree ends, so that collapsing is an addition and drawing is a loop. Made once per trace.
//
// Traces in the wild are broken in every way: parents that never arrived (the span becomes a root of its
// own, marked), spans that name each other as parents (a root is made of the first), ids used twice.
// Whatever came in, every span is in the result exactly once.
import type { JaegerSpan, JaegerTrace, KeyValue, Reference } from "../api/jaeger";

export interface SpanEvent {
  at: number; // microseconds after the trace's start
  name: string;
  fields: KeyValue[];
  isException: boolean;
}

export interface Span {
  index: number; // its place in Trace.spans
  id: string;
  parent: number; // index, or -1
  parentId: string | null; // also known when the parent itself is not here
  depth: number;
  end: number; // index after its last descendant
  children: number[];
  start: number; // microseconds after the trace's start
  duration: number;
  service: string;
  name: string;
  kind: string;
  error: boolean;
  statusText: string;
  tags: KeyValue[];
  resource: KeyValue[];
  events: SpanEvent[];
  links: Reference[];
  warnings: string[];
}

export interface Service {
  name: string;
  spans: number;
  errors: number;
}

export interface Trace {
  id: string;
  spans: Span[];
  startUs: number; // microseconds since 1970
  duration: number;
  services: Service[]; // in order of first appearance in the tree
  errors: number;
  depth: number;
  root: Span;
  warnings: string[];
}

// Tags that the mapping from OTLP makes of the span's own fields; shown as such, not as attributes.
const FIELDS = new Set(["span.kind", "error", "otel.status_code", "otel.status_description"]);

export function buildTrace(raw: JaegerTrace): Trace | null {
  const spans = raw.spans ?? [];
  if (spans.length === 0) return null;
  const startUs = spans.reduce((min, s) => Math.min(min, s.startTime), Infinity);
  const endUs = spans.reduce((max, s) => Math.max(max, s.startTime + s.duration), -Infinity);
  const out = inTreeOrder(spans).map((place, index) => describe(place, index, raw, startUs));
  for (const s of out) if (s.parent >= 0) out[s.parent]!.children.push(s.index);
  return {
    id: raw.traceID,
    spans: out,
    startUs,
    duration: endUs - startUs,
    services: servicesOf(out),
    errors: out.reduce((n, s) => n + (s.error ? 1 : 0), 0),
    depth: out.reduce((d, s) => Math.max(d, s.depth + 1), 0),
    root: out[0]!,
    warnings: raw.warnings ?? [],
  };
}

interface Placed {
  raw: JaegerSpan;
  parent: number;
  depth: number;
  end: number;
}

function parentOf(span: JaegerSpan): string | null {
  const refs = (span.references ?? []).filter(
    (r) => r.traceID === span.traceID && r.spanID !== span.spanID,
  );
  return refs.find((r) => r.refType === "CHILD_OF")?.spanID ?? null;
}

// Depth first, siblings by their start; without recursion, because a trace may be thousands deep.
function inTreeOrder(spans: JaegerSpan[]): Placed[] {
  const byStart = [...spans].sort((a, b) => a.startTime - b.startTime);
  const known = new Set(byStart.map((s) => s.spanID));
  const children = new Map<string, JaegerSpan[]>();
  const roots: JaegerSpan[] = [];
  for (const s of byStart) {
    const parent = parentOf(s);
    if (parent === null || !known.has(parent)) roots.push(s);
    else if (children.has(parent)) children.get(parent)!.push(s);
    else children.set(parent, [s]);
  }
  const out: Placed[] = [];
  const seen = new Set<JaegerSpan>();
  // byStart once more: what is left of circles, which have no root.
  for (const root of [...roots, ...byStart]) placeTree(root, children, seen, out);
  for (let i = out.length - 1; i >= 0; i--) {
    const { parent, end } = out[i]!;
    if (parent >= 0) out[parent]!.end = Math.max(out[parent]!.end, end);
  }
  return out;
}

function placeTree(
  root: JaegerSpan,
  children: Map<string, JaegerSpan[]>,
  seen: Set<JaegerSpan>,
  out: Placed[],
): void {
  const stack = [{ span: root, parent: -1, depth: 0 }];
  while (stack.length > 0) {
    const { span, parent, depth } = stack.pop()!;
    if (seen.has(span)) continue;
    seen.add(span);
    const index = out.length;
    out.push({ raw: span, parent, depth, end: index + 1 });
    const below = children.get(span.spanID) ?? [];
    children.delete(span.spanID); // an id used twice gets its children once
    for (let i = below.length - 1; i >= 0; i--)
      stack.push({ span: below[i]!, parent: index, depth: depth + 1 });
  }
}

function describe(place: Placed, index: number, trace: JaegerTrace, startUs: number): Span {
  const s = place.raw;
  const tags = s.tags ?? [];
  const text = (key: string) => String(tags.find((t) => t.key === key)?.value ?? "");
  const process = trace.processes?.[s.processID];
  return {
    index,
    id: s.spanID,
    parent: place.parent,
    parentId: parentOf(s),
    depth: place.depth,
    end: place.end,
    children: [],
    start: s.startTime - startUs,
    duration: s.duration,
    service: process?.serviceName || "unknown_service",
    name: s.operationName || "(no name)",
    kind: text("span.kind") || "internal",
    error: text("error") === "true" || text("otel.status_code").toUpperCase() === "ERROR",
    statusText: text("otel.status_description"),
    tags: tags.filter((t) => !FIELDS.has(t.key)),
    resource: process?.tags ?? [],
    events: (s.logs ?? []).map((log) => eventOf(log, startUs)),
    links: (s.references ?? []).filter(
      (r) => r.refType === "FOLLOWS_FROM" || r.traceID !== s.traceID,
    ),
    warnings: s.warnings ?? [],
  };
}

function eventOf(log: { timestamp: number; fields: KeyValue[] }, startUs: number): SpanEvent {
  const name = String(log.fields.find((f) => f.key === "event")?.value ?? "event");
  return {
    at: log.timestamp - startUs,
    name,
    fields: log.fields.filter((f) => f.key !== "event"),
    isException: name === "exception" || log.fields.some((f) => f.key === "exception.type"),
  };
}

function servicesOf(spans: Span[]): Service[] {
  const found = new Map<string, Service>();
  for (const s of spans) {
    const service = found.get(s.service) ?? { name: s.service, spans: 0, errors: 0 };
    service.spans++;
    if (s.error) service.errors++;
    found.set(s.service, service);
  }
  return [...found.values()];
}

// The rows that are not hidden inside a collapsed one.
export function visibleRows(spans: readonly Span[], collapsed: ReadonlySet<number>): Span[] {
  const out: Span[] = [];
  for (let i = 0; i < spans.length; ) {
    const s = spans[i]!;
    out.push(s);
    i = collapsed.has(i) ? s.end : i + 1;
  }
  return out;
}

// Indices of the spans that mention `text` anywhere a reader could see it.
export function findSpans(spans: readonly Span[], text: string): number[] {
  const needle = text.trim().toLowerCase();
  if (needle === "") return [];
  const has = (value: unknown) => String(value).toLowerCase().includes(needle);
  const inPairs = (pairs: KeyValue[]) => pairs.some((p) => has(p.key) || has(p.value));
  return spans
    .filter(
      (s) =>
        has(s.name) ||
        has(s.service) ||
        has(s.id) ||
        has(s.kind) ||
        has(s.statusText) ||
        inPairs(s.tags) ||
        s.events.some((e) => has(e.name) || inPairs(e.fields)),
    )
    .map((s) => s.index);
}

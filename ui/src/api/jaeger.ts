// The shapes of Jaeger's v1 JSON, as far as this page reads them, and the calls that fetch them.
// Everything in here was written by whoever sent the telemetry: treat it as text, and as possibly absent.
import { getJson } from "./http";

export interface KeyValue {
  key: string;
  type?: string;
  value: string | number | boolean;
}

export interface Reference {
  refType: "CHILD_OF" | "FOLLOWS_FROM";
  traceID: string;
  spanID: string;
}

export interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: Reference[] | null;
  startTime: number; // microseconds since 1970
  duration: number; // microseconds
  tags?: KeyValue[] | null;
  logs?: { timestamp: number; fields: KeyValue[] }[] | null;
  processID: string;
  warnings?: string[] | null;
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string; tags?: KeyValue[] | null }>;
  warnings?: string[] | null;
}

interface Envelope<T> {
  data: T | null;
}

export async function fetchServices(signal?: AbortSignal): Promise<string[]> {
  const { data } = await getJson<Envelope<string[]>>("/api/services", signal);
  return [...(data ?? [])].sort((a, b) => a.localeCompare(b));
}

export async function fetchOperations(service: string, signal?: AbortSignal): Promise<string[]> {
  const path = `/api/services/${encodeURIComponent(service)}/operations`;
  const { data } = await getJson<Envelope<string[]>>(path, signal);
  return [...(data ?? [])].sort((a, b) => a.localeCompare(b));
}

export async function fetchTraces(
  query: URLSearchParams,
  signal?: AbortSignal,
): Promise<JaegerTrace[]> {
  const { data } = await getJson<Envelope<JaegerTrace[]>>(`/api/traces?${query}`, signal);
  return data ?? [];
}

// null: no trace of that id is stored.
export async function fetchTrace(id: string, signal?: AbortSignal): Promise<JaegerTrace | null> {
  const { data } = await getJson<Envelope<JaegerTrace[]>>(tracePath(id), signal, {
    missing: { data: [] },
  });
  return data?.[0] ?? null;
}

export function tracePath(id: string): string {
  return `/api/traces/${encodeURIComponent(id)}`;
}

// /api/cryo/services: rate, errors and duration of every service.
import { alignedTo, stepFor, type Span } from "../model/time-range";
import { getJson } from "./http";

export interface ServiceRow {
  name: string;
  counted: "entry" | "root" | "none"; // which of its spans
  spans: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  rate: number[]; // per second, a number for each step
  error_rate: number[];
}

export interface Services {
  start: number; // seconds since 1970
  end: number;
  step: number;
  complete: boolean;
  services: ServiceRow[];
}

const POINTS = 40; // of a sparkline: more would be a comb where spans are few

export function fetchServiceRows(span: Span, signal: AbortSignal): Promise<Services> {
  const step = stepFor(span, POINTS);
  const { start } = alignedTo(span, step);
  const end = span.to / 1000;
  return getJson<Services>(`/api/cryo/services?start=${start}&end=${end}&step=${step}`, signal);
}

// Prometheus' HTTP API, as far as this page asks it.
import type { Span } from "../model/time-range";
import { ApiError, getJson } from "./http";

export type Labels = Record<string, string>;
export type Sample = [number, string]; // seconds since 1970, a number as text

export interface MatrixSeries {
  metric: Labels;
  values?: Sample[];
  histograms?: unknown[];
}

export interface VectorSample {
  metric: Labels;
  value?: Sample;
  histogram?: unknown;
}

export type Result =
  | { resultType: "matrix"; result: MatrixSeries[] }
  | { resultType: "vector"; result: VectorSample[] }
  | { resultType: "scalar" | "string"; result: Sample };

export interface Answer {
  data: Result;
  warnings: string[];
}

export interface MetricInfo {
  type: string;
  help: string;
  unit: string;
}

interface Envelope<T> {
  status: string;
  data?: T;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

async function ask<T>(path: string, params: Record<string, string>, signal?: AbortSignal) {
  const query = new URLSearchParams(params).toString();
  const envelope = await getJson<Envelope<T>>(`/api/v1/${path}${query && `?${query}`}`, signal);
  if (envelope.status !== "success" || envelope.data === undefined)
    throw new ApiError(envelope.error ?? "The answer has no data.", 500);
  return {
    data: envelope.data,
    warnings: [...(envelope.warnings ?? []), ...(envelope.infos ?? [])],
  };
}

export interface RangeQuestion {
  query: string;
  start: number; // seconds since 1970
  end: number;
  step: number; // seconds
}

export function queryRange(question: RangeQuestion, signal: AbortSignal): Promise<Answer> {
  const { query, start, end, step } = question;
  const params = { query, start: String(start), end: String(end), step: String(step) };
  return ask<Result>("query_range", params, signal);
}

export function queryInstant(query: string, time: number, signal: AbortSignal): Promise<Answer> {
  return ask<Result>("query", { query, time: String(time) }, signal);
}

const times = (span: Span) => ({ start: String(span.from / 1000), end: String(span.to / 1000) });
const matching = (match: string): Record<string, string> =>
  match === "" ? {} : { "match[]": match };

// `match` is a selector, or "" for all.
export async function labelNames(
  match: string,
  span: Span,
  signal?: AbortSignal,
): Promise<string[]> {
  return (await ask<string[]>("labels", { ...times(span), ...matching(match) }, signal)).data;
}

export async function labelValues(name: string, match: string, span: Span, signal?: AbortSignal) {
  const path = `label/${encodeURIComponent(name)}/values`;
  return (await ask<string[]>(path, { ...times(span), ...matching(match) }, signal)).data;
}

export async function metadata(signal?: AbortSignal): Promise<Record<string, MetricInfo[]>> {
  return (await ask<Record<string, MetricInfo[]>>("metadata", {}, signal)).data;
}

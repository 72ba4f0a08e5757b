// Loki's HTTP API, as far as this page asks it.
import { newestFirst, type LogLine } from "../model/logs";
import type { Span } from "../model/time-range";
import { ApiError, getJson } from "./http";
import type { Labels, MatrixSeries } from "./prometheus";

interface Envelope<T> {
  status: string;
  data?: T;
}

type Value =
  [string, string] | [string, string, { structuredMetadata?: Labels; parsed?: Labels } | Labels];

interface QueryData {
  resultType: string;
  result: ({ stream: Labels; values: Value[] } | MatrixSeries)[];
}

export type LogAnswer = { lines: LogLine[] } | { series: MatrixSeries[] };

// So that labels of the stream, of the record and of a parser can be told apart.
const FLAGS = { "x-loki-response-encoding-flags": "categorize-labels" };

async function ask<T>(
  path: string,
  params: Record<string, string>,
  signal?: AbortSignal,
): Promise<T> {
  const url = `/loki/api/v1/${path}?${new URLSearchParams(params)}`;
  const { data } = await getJson<Envelope<T>>(url, signal, { headers: FLAGS });
  if (data === undefined) throw new ApiError("The answer has no data.", 500);
  return data;
}

export interface LogQuestion {
  query: string;
  startNs: string; // whole nanoseconds; more digits than a number holds
  endNs: string; // not part of it
  limit: number;
  step: number; // seconds, for a query that makes series
}

export async function queryLogs(question: LogQuestion, signal: AbortSignal): Promise<LogAnswer> {
  const { query, startNs, endNs, limit, step } = question;
  const params = { query, start: startNs, end: endNs, limit: String(limit), step: String(step) };
  const data = await ask<QueryData>("query_range", { ...params, direction: "backward" }, signal);
  if (data.resultType === "matrix") return { series: data.result as MatrixSeries[] };
  if (data.resultType !== "streams")
    throw new ApiError(`The answer is a ${data.resultType}, which has no place in time.`, 400);
  const streams = data.result as { stream: Labels; values: Value[] }[];
  return { lines: newestFirst(streams.flatMap(linesOf)) };
}

function linesOf({ stream, values }: { stream: Labels; values: Value[] }): LogLine[] {
  return values.map(([ns, line, more]) => {
    const sorted = more && ("structuredMetadata" in more || "parsed" in more);
    const { structuredMetadata = {}, parsed = {} } = sorted
      ? (more as { structuredMetadata?: Labels; parsed?: Labels })
      : { structuredMetadata: (more as Labels | undefined) ?? {} };
    return { ns, line, stream, metadata: structuredMetadata, parsed };
  });
}

const times = (span: Span) => ({ start: nanos(span.from), end: nanos(span.to) });

export const nanos = (ms: number): string => `${Math.floor(ms)}000000`;

export function logLabels(span: Span, signal?: AbortSignal): Promise<string[]> {
  return ask<string[]>("labels", times(span), signal);
}

export function logLabelValues(name: string, span: Span, signal?: AbortSignal): Promise<string[]> {
  return ask<string[]>(`label/${encodeURIComponent(name)}/values`, times(span), signal);
}

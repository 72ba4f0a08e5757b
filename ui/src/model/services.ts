// The overview as the page shows it: rows in an order, and where each number leads.
import type { ServiceRow, Services } from "../api/services";
import { DEFAULTS, queryToUrl, type Query } from "./query";
import { shortCount } from "./units";
import { rangeParams, type Span, type TimeRange } from "./time-range";

export type SortKey = "name" | "rate" | "errors" | "p50" | "p95" | "p99";

export const SORT_KEYS: readonly SortKey[] = ["name", "rate", "errors", "p50", "p95", "p99"];

export function sortFromUrl(params: URLSearchParams): SortKey {
  const given = params.get("sort") as SortKey;
  return SORT_KEYS.includes(given) ? given : "rate";
}

export function servicesUrl(range: TimeRange, sort: SortKey): string {
  const params = new URLSearchParams(rangeParams(range));
  if (sort !== "rate") params.set("sort", sort);
  const text = params.toString();
  return text === "" ? "/services" : `/services?${text}`;
}

// Spans per second over the whole time.
export function meanRate(row: ServiceRow, whole: Services): number {
  const seconds = whole.end - whole.start;
  return seconds > 0 ? row.spans / seconds : 0;
}

export function errorShare(row: ServiceRow): number {
  return row.spans > 0 ? row.errors / row.spans : 0;
}

// What is most of whatever is sorted by stands on top; names from A.
export function sortedRows(rows: readonly ServiceRow[], by: SortKey): ServiceRow[] {
  const byName = (a: ServiceRow, b: ServiceRow) => a.name.localeCompare(b.name);
  const value: Record<Exclude<SortKey, "name">, (row: ServiceRow) => number> = {
    rate: (row) => row.spans,
    errors: (row) => errorShare(row),
    p50: (row) => row.p50_ms ?? -1,
    p95: (row) => row.p95_ms ?? -1,
    p99: (row) => row.p99_ms ?? -1,
  };
  if (by === "name") return [...rows].sort(byName);
  return [...rows].sort((a, b) => value[by](b) - value[by](a) || byName(a, b));
}

// A rate in the unit in which it is not far from one: "12/s", "0.4/s", "8/min", "3/h".
export function rateText(perSecond: number): { value: string; per: string } {
  if (perSecond === 0 || perSecond >= 0.095) return { value: short(perSecond), per: "s" };
  if (perSecond * 60 >= 0.095) return { value: short(perSecond * 60), per: "min" };
  return { value: short(perSecond * 3600), per: "h" };
}

function short(n: number): string {
  return n < 0.995 && n > 0 ? n.toFixed(2).replace(/0$/, "") : shortCount(n);
}

// How far along a logarithmic line from 0.1 ms to the longest of all a duration lies: services differ by
// factors, and on a straight line one slow job would flatten all others.
export function logShare(ms: number, longest: number): number {
  const floor = 0.1;
  if (ms <= floor || longest <= floor) return 0.02;
  return Math.max(0.02, Math.log(ms / floor) / Math.log(longest / floor));
}

// The line of a sparkline in a box of 100 by 24; `top` is the value that reaches the upper edge.
export function sparkPath(values: readonly number[], top: number): string {
  if (values.length < 2 || top <= 0) return "";
  const x = (i: number) => ((i / (values.length - 1)) * 100).toFixed(1);
  const y = (value: number) => (24 - (Math.min(value, top) / top) * 22).toFixed(1);
  return values.map((value, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(value)}`).join("");
}

// 0, "<0.1 %", "2.4 %", "37 %": nothing that failed is shown as nothing.
export function percent(share: number): string {
  if (share <= 0) return "0 %";
  if (share < 0.001) return "<0.1 %";
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

// The search for traces of the same service and time.
export function tracesUrl(
  service: string,
  span: Span,
  range: TimeRange,
  more: Partial<Query> = {},
) {
  const fixed = range.range === "custom" || !/^([1-9]\d*)[mhd]$/.test(range.range);
  const time = fixed
    ? { lookback: "custom", start: String(span.from * 1000), end: String(span.to * 1000) }
    : { lookback: range.range };
  return queryToUrl({ ...DEFAULTS, service, ...time, ...more });
}

// A duration that the search's form takes, a little below, so that what it was measured from is found.
export function atLeast(ms: number): string {
  const us = Math.max(1, Math.floor(ms * 1000 * 0.98));
  return us < 1000 ? `${us}us` : `${Math.floor(us / 10) / 100}ms`;
}

export function metricsUrl(service: string, range: TimeRange): string {
  return `/metrics?${new URLSearchParams({ service, ...rangeParams(range) })}`;
}

export function logsUrl(service: string, range: TimeRange): string {
  const query = `{service_name=${JSON.stringify(service)}}`;
  return `/logs?${new URLSearchParams({ query, ...rangeParams(range) })}`;
}

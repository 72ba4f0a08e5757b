// The stretch of time that a view looks at: the last so long, or from here to there. It stands in the
// address in the same words for every view, so that it can be carried from one to the next.

export interface TimeRange {
  range: string; // "1h", or "custom": then from and to count
  from: string; // milliseconds since 1970
  to: string;
  live: boolean; // asked again by itself
}

export interface Span {
  from: number; // milliseconds since 1970
  to: number;
}

export const RANGES: readonly [string, string][] = [
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["30m", "Last 30 minutes"],
  ["1h", "Last hour"],
  ["3h", "Last 3 hours"],
  ["6h", "Last 6 hours"],
  ["12h", "Last 12 hours"],
  ["1d", "Last day"],
  ["2d", "Last 2 days"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["custom", "From … to …"],
];

export const LIVE_MS = 5000;
const DEFAULT_RANGE = "1h";
const UNIT_MS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };
const WHOLE = /^([1-9]\d{0,5})([smhd])$/;

export function rangeFromUrl(params: URLSearchParams): TimeRange {
  const [from, to] = [params.get("from") ?? "", params.get("to") ?? ""];
  const given = params.get("range") ?? (from !== "" && to !== "" ? "custom" : DEFAULT_RANGE);
  const custom = given === "custom";
  return {
    range: custom || WHOLE.test(given) ? given : DEFAULT_RANGE,
    from: custom ? from : "",
    to: custom ? to : "",
    live: !custom && params.get("live") === "1",
  };
}

// The range's part of an address: only what differs from the default.
export function rangeParams(range: TimeRange): Record<string, string> {
  if (range.range === "custom") return { from: range.from, to: range.to };
  return {
    ...(range.range !== DEFAULT_RANGE && { range: range.range }),
    ...(range.live && { live: "1" }),
  };
}

export function fixedRange(span: Span): TimeRange {
  const [from, to] = [String(Math.floor(span.from)), String(Math.ceil(span.to))];
  return { range: "custom", from, to, live: false };
}

export function resolveRange(range: TimeRange, nowMs: number): Span {
  if (range.range === "custom") return { from: Number(range.from), to: Number(range.to) };
  const [, n, unit] = WHOLE.exec(range.range) ?? [];
  return { from: nowMs - Number(n ?? 1) * UNIT_MS[unit ?? "h"]!, to: nowMs };
}

// What is wrong with it, or null.
export function rangeProblem(range: TimeRange): string | null {
  if (range.range !== "custom") return null;
  const { from, to } = resolveRange(range, 0);
  if (!(from > 0) || range.from === "") return "When to begin?";
  if (!(to > 0) || range.to === "") return "When to stop?";
  return from < to ? null : "The end must be later than the beginning";
}

// Lengths of one step, in seconds, that fall together with the clock's minutes and hours.
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
];

// The shortest of them that makes at most so many points.
export function stepFor(span: Span, points: number): number {
  const least = (span.to - span.from) / 1000 / points;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}

// Start and end in seconds, on multiples of the step: the points of two questions then fall together and
// a plot that is asked again does not tremble.
export function alignedTo(span: Span, step: number): { start: number; end: number } {
  const start = Math.floor(span.from / 1000 / step) * step;
  return { start, end: Math.max(start + step, Math.ceil(span.to / 1000 / step) * step) };
}

// "90" or "1m30s" as seconds; null: neither.
export function secondsOf(text: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+[smhd])+$/.test(text)) return null;
  let ms = 0;
  for (const [, n, unit] of text.matchAll(/(\d+)([smhd])/g)) ms += Number(n) * UNIT_MS[unit!]!;
  return ms / 1000;
}

// A whole number of seconds as PromQL and LogQL write it.
export function periodText(seconds: number): string {
  for (const [unit, size] of [
    ["d", 86400],
    ["h", 3600],
    ["m", 60],
  ] as const)
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  return `${seconds}s`;
}

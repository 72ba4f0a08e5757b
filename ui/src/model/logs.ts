// Log lines as the page shows them: their order, their severity, what they belong to; and the view's address.
import type { Labels, MatrixSeries } from "../api/prometheus";
import { rangeFromUrl, rangeParams, type TimeRange } from "./time-range";
import { EVERYTHING } from "./trace-logs";

export interface LogLine {
  ns: string; // nanoseconds since 1970
  line: string;
  stream: Labels;
  metadata: Labels;
  parsed: Labels; // what a parser of the query found
}

export interface LogsState {
  query: string;
  limit: string;
  line: string; // which line is open: a key of lineKeys()
  wrap: boolean;
  range: TimeRange;
}

export const LIMITS = ["100", "200", "500", "1000", "5000"] as const;

export function logsFromUrl(params: URLSearchParams): LogsState {
  const limit = params.get("limit") ?? "200";
  return {
    query: params.get("query") || EVERYTHING,
    limit: /^[1-9]\d{0,3}$/.test(limit) ? limit : "200",
    line: params.get("line") ?? "",
    wrap: params.get("wrap") === "1",
    range: rangeFromUrl(params),
  };
}

export function logsToUrl(state: LogsState): string {
  const params = new URLSearchParams();
  if (state.query !== EVERYTHING) params.set("query", state.query);
  if (state.limit !== "200") params.set("limit", state.limit);
  if (state.wrap) params.set("wrap", "1");
  for (const [key, value] of Object.entries(rangeParams(state.range))) params.set(key, value);
  if (state.line !== "") params.set("line", state.line);
  const text = params.toString();
  return text === "" ? "/logs" : `/logs?${text}`;
}

// Texts of nanoseconds have one length until the year 2286, before 2001 they are shorter.
const padded = (ns: string) => ns.padStart(20, "0");

export function newestFirst(lines: readonly LogLine[]): LogLine[] {
  const keyed = lines.map((line) => ({ line, key: padded(line.ns) }));
  keyed.sort((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
  return keyed.map(({ line }) => line);
}

// A name for every line that stays the same when the same lines are loaded again.
export function lineKeys(lines: readonly LogLine[]): string[] {
  const seen = new Map<string, number>();
  return lines.map(({ ns }) => {
    const nth = seen.get(ns) ?? 0;
    seen.set(ns, nth + 1);
    return nth === 0 ? ns : `${ns}.${nth}`;
  });
}

// Older lines behind those that are there. The moment of the last one is asked for again, because more lines
// may share it; what is there already is left out.
export function joinOlder(lines: readonly LogLine[], older: readonly LogLine[]): LogLine[] {
  const identity = (line: LogLine) =>
    JSON.stringify([line.ns, line.line, line.stream, line.metadata]);
  const last = lines[lines.length - 1];
  const known = new Map<string, number>();
  for (const line of lines.filter((l) => l.ns === last?.ns))
    known.set(identity(line), (known.get(identity(line)) ?? 0) + 1);
  const fresh = older.filter((line) => {
    const left = line.ns === last?.ns ? (known.get(identity(line)) ?? 0) : 0;
    if (left > 0) known.set(identity(line), left - 1);
    return left === 0;
  });
  return [...lines, ...fresh];
}

// The end of a question for what is older: just behind the last line, because an end is not part of it.
export function olderEnd(lines: readonly LogLine[]): string {
  return String(BigInt(lines[lines.length - 1]!.ns) + 1n);
}

export const msOf = (line: LogLine): number => Number(line.ns.slice(0, -6) || "0");

export type Level = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "unknown";

export const LEVELS: readonly Level[] = [
  "unknown",
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "fatal",
];

// The least severity number of each, as OpenTelemetry counts.
export const LEAST: readonly (readonly [string, string])[] = [
  ["0", "All levels"],
  ["5", "Debug and above"],
  ["9", "Info and above"],
  ["13", "Warnings and above"],
  ["17", "Errors and above"],
  ["21", "Fatal"],
];

const BY_NUMBER: readonly Level[] = ["trace", "debug", "info", "warn", "error", "fatal"];

const WORDS: readonly [RegExp, Level][] = [
  [/^(fatal|panic|emerg|alert|crit)/i, "fatal"],
  [/^err/i, "error"],
  [/^warn/i, "warn"],
  [/^(info|notice)/i, "info"],
  [/^(debug|dbg)/i, "debug"],
  [/^trace/i, "trace"],
];

function levelOfWord(word: string): Level | null {
  return WORDS.find(([pattern]) => pattern.test(word))?.[1] ?? null;
}

// From the record's own severity, else from labels that are used for it.
export function levelOfLabels(labels: Labels): Level {
  const number = Number(labels.severity_number ?? 0);
  if (number >= 1 && number <= 24) return BY_NUMBER[Math.floor((number - 1) / 4)]!;
  for (const name of ["severity_text", "severity", "detected_level", "level", "lvl"]) {
    const level = levelOfWord(labels[name] ?? "");
    if (level) return level;
  }
  return "unknown";
}

const IN_JSON = /"(?:level|severity|lvl)"\s*:\s*"(\w+)"/;
const IN_LOGFMT = /(?:^|\s)(?:level|severity|lvl)="?(\w+)/;
const SHOUTED = /^.{0,40}?\b(FATAL|PANIC|CRITICAL|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b/;

// Else from what the line says of itself.
export function levelOf(line: LogLine): Level {
  const level = levelOfLabels({ ...line.stream, ...line.parsed, ...line.metadata });
  if (level !== "unknown") return level;
  const head = line.line.slice(0, 500);
  const [, word = ""] = IN_JSON.exec(head) ?? IN_LOGFMT.exec(head) ?? SHOUTED.exec(head) ?? [];
  return levelOfWord(word) ?? "unknown";
}

export interface Ids {
  trace: string;
  span: string;
}

// Where the line was written, if it says so and it is an id.
export function idsOf(line: LogLine): Ids | null {
  const all = { ...line.stream, ...line.parsed, ...line.metadata };
  const trace = (all.trace_id ?? all.traceid ?? all.traceID ?? "").toLowerCase();
  const span = (all.span_id ?? all.spanid ?? all.spanID ?? "").toLowerCase();
  if (!/^(?!0+$)[0-9a-f]{16,32}$/.test(trace)) return null;
  return { trace, span: /^(?!0+$)[0-9a-f]{16}$/.test(span) ? span : "" };
}

export function traceUrl({ trace, span }: Ids): string {
  return span === "" ? `/trace/${trace}` : `/trace/${trace}?span=${span}`;
}

export interface Volume {
  times: number[]; // seconds since 1970: the middle of each bar
  levels: { level: Level; values: number[]; total: number }[]; // as LEVELS, those that occur
}

// Bars from the counts of (t - step, t] at each t.
export function volumeOf(
  result: readonly MatrixSeries[],
  grid: { start: number; end: number; step: number },
) {
  const { start, end, step } = grid;
  const count = Math.round((end - start) / step) + 1;
  const sums = new Map<Level, number[]>();
  for (const { metric, values = [] } of result) {
    const level = levelOfLabels(metric);
    const sum = sums.get(level) ?? new Array<number>(count).fill(0);
    sums.set(level, sum);
    for (const [time, text] of values) {
      const i = Math.round((time - start) / step);
      if (i >= 0 && i < count) sum[i]! += Number(text);
    }
  }
  const levels = LEVELS.filter((level) => sums.has(level)).map((level) => {
    const values = sums.get(level)!;
    return { level, values, total: values.reduce((a, b) => a + b, 0) };
  });
  return { times: Array.from({ length: count }, (_, i) => start + (i - 0.5) * step), levels };
}

// A line that is JSON, written so that it can be read; null: it is not.
export function prettyJson(line: string): string | null {
  if (!/^\s*[{[]/.test(line)) return null;
  try {
    return JSON.stringify(JSON.parse(line), null, 2);
  } catch {
    return null;
  }
}

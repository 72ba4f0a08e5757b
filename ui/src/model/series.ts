// Series of an answer as a plot, a legend and a table need them.
import type { Labels, MatrixSeries, Sample, VectorSample } from "../api/prometheus";

export interface PlotSeries {
  name: string; // what tells it from the others
  labels: Labels;
  values: (number | null)[];
  last: number | null;
  min: number | null;
  max: number | null;
  mean: number | null;
}

export interface PlotData {
  times: number[]; // seconds since 1970, evenly spaced
  series: PlotSeries[];
  common: Labels; // labels that all of them have alike
  total: number; // series in the answer; more than are drawn
}

export const SERIES_MAX = 100; // more lines nobody can tell apart, and a browser would labour

interface Grid {
  start: number;
  end: number;
  step: number;
}

export function plotData(result: readonly MatrixSeries[], { start, end, step }: Grid): PlotData {
  const count = Math.round((end - start) / step) + 1;
  const times = Array.from({ length: count }, (_, i) => start + i * step);
  const drawn = result.slice(0, SERIES_MAX);
  const common = commonLabels(drawn.map((s) => s.metric));
  const series = drawn.map((s) => {
    const values = new Array<number | null>(count).fill(null); // a step without a value is a gap
    for (const [time, text] of s.values ?? []) {
      const i = Math.round((time - start) / step);
      const value = numberOf(text);
      if (i >= 0 && i < count && Number.isFinite(value)) values[i] = value;
    }
    return { name: nameOf(s.metric, common), labels: s.metric, values, ...summary(values) };
  });
  return { times, series, common, total: result.length };
}

function summary(values: readonly (number | null)[]) {
  const there = values.filter((v) => v !== null);
  if (there.length === 0) return { last: null, min: null, max: null, mean: null };
  return {
    last: there[there.length - 1]!,
    min: there.reduce((a, b) => Math.min(a, b)),
    max: there.reduce((a, b) => Math.max(a, b)),
    mean: there.reduce((a, b) => a + b, 0) / there.length,
  };
}

// Go's spelling of the special ones.
export function numberOf(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  return Number(text);
}

export function commonLabels(all: readonly Labels[]): Labels {
  if (all.length < 2) return {};
  const [first, ...rest] = all;
  return Object.fromEntries(
    Object.entries(first!).filter(([key, value]) => rest.every((labels) => labels[key] === value)),
  );
}

// name{a="b"}, without what is common to all.
export function nameOf(labels: Labels, common: Labels = {}): string {
  const name = common.__name__ === undefined ? (labels.__name__ ?? "") : "";
  const pairs = Object.entries(labels)
    .filter(([key]) => key !== "__name__" && common[key] === undefined)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  if (pairs.length === 0) return name || (Object.keys(labels).length === 0 ? "value" : "{}");
  return `${name}{${pairs.join(", ")}}`;
}

const UNITS: readonly [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

// A number in at most about seven characters: 0.00123, 12.3, 1.23k, 4.5e-7.
export function shortNumber(n: number | null): string {
  if (n === null || Number.isNaN(n)) return "–";
  if (!Number.isFinite(n)) return n > 0 ? "∞" : "−∞";
  const size = Math.abs(n);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return n.toExponential(2).replace(/\.?0+e/, "e");
  for (const [factor, unit] of UNITS) if (size >= factor) return `${digits(n / factor)}${unit}`;
  return digits(n);
}

function digits(n: number): string {
  return String(Number(n.toPrecision(4)));
}

// A moment beside an axis whose labels are so many seconds apart.
export function timeLabel(seconds: number, increment: number): string {
  const d = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${d.toLocaleString("en-GB", { month: "short" })} ${d.getDate()}`;
  const clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (increment >= 86400 || clock === "00:00") return day;
  return increment < 60 ? `${clock}:${two(d.getSeconds())}` : clock;
}

export interface Table {
  columns: string[];
  rows: { labels: Labels; value: string; at: number }[];
}

// The columns are all label names there are, the metric's own first.
export function vectorTable(result: readonly VectorSample[]): Table {
  const names = new Set(result.flatMap(({ metric }) => Object.keys(metric)));
  const hasName = names.delete("__name__");
  const columns = [...(hasName ? ["__name__"] : []), ...[...names].sort()];
  const rows = result.map(({ metric, value, histogram }) => ({
    labels: metric,
    value: value?.[1] ?? (histogram === undefined ? "" : "a histogram"),
    at: value?.[0] ?? 0,
  }));
  return { columns, rows };
}

export function scalarTable([at, value]: Sample): Table {
  return { columns: [], rows: [{ labels: {}, value, at }] };
}

// The metrics view: its address, what is known of metrics, and the first question to ask about one.
import type { MetricInfo } from "../api/prometheus";
import type { Suggestion } from "./query-context";
import {
  rangeFromUrl,
  rangeParams,
  secondsOf,
  stepFor,
  type Span,
  type TimeRange,
} from "./time-range";

export interface MetricsState {
  query: string;
  tab: "graph" | "table";
  step: string; // as typed, "" chooses one
  service: string; // the list of metrics shows those of one service; "" is all
  range: TimeRange;
}

export function metricsFromUrl(params: URLSearchParams): MetricsState {
  return {
    query: params.get("query") ?? "",
    tab: params.get("tab") === "table" ? "table" : "graph",
    step: params.get("step") ?? "",
    service: params.get("service") ?? "",
    range: rangeFromUrl(params),
  };
}

export function metricsToUrl(state: MetricsState): string {
  const params = new URLSearchParams();
  if (state.query !== "") params.set("query", state.query);
  if (state.tab === "table") params.set("tab", "table");
  if (state.step !== "") params.set("step", state.step);
  if (state.service !== "") params.set("service", state.service);
  for (const [key, value] of Object.entries(rangeParams(state.range))) params.set(key, value);
  const text = params.toString();
  return text === "" ? "/metrics" : `/metrics?${text}`;
}

export const STEPS: readonly [string, string][] = [
  ["", "Auto"],
  ["1s", "1 s"],
  ["5s", "5 s"],
  ["15s", "15 s"],
  ["1m", "1 min"],
  ["5m", "5 min"],
  ["15m", "15 min"],
  ["1h", "1 h"],
];

const POINTS = 240; // of a plot whose step is ours to choose: about one for every fourth pixel

export function stepSeconds(step: string, span: Span): number {
  const asked = step === "" ? null : secondsOf(step);
  return asked !== null && asked > 0 ? asked : stepFor(span, POINTS);
}

// A metric as people think of it: a histogram is one, though it has three names.
export interface Family {
  name: string;
  type: string;
  help: string;
  unit: string;
  start: string; // a first question about it
}

const PART = /_(bucket|sum|count)$/;

export function families(names: readonly string[], known: Record<string, MetricInfo[]>): Family[] {
  const found = new Map<string, Family>();
  const all = new Set(names);
  for (const name of names) {
    const base = name.replace(PART, "");
    const isPart =
      base !== name && (isCompound(known[base]?.[0]?.type) || all.has(`${base}_bucket`));
    const family = isPart ? base : name;
    if (!found.has(family)) found.set(family, describe(family, isPart, infoOf(family, known)));
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function isCompound(type: string | undefined): boolean {
  return type === "histogram" || type === "summary";
}

// The metadata may be kept under the name with or without a counter's ending.
export function infoOf(name: string, known: Record<string, MetricInfo[]>): MetricInfo | undefined {
  return (known[name] ?? known[name.replace(/_total$/, "")] ?? known[name.replace(PART, "")])?.[0];
}

function describe(name: string, isPart: boolean, info: MetricInfo | undefined): Family {
  const told = info && info.type !== "unknown" ? info.type : "";
  const type = told || (isPart ? "histogram" : name.endsWith("_total") ? "counter" : "unknown");
  return {
    name,
    type,
    help: info?.help ?? "",
    unit: info?.unit ?? "",
    start: firstQuestion(name, type),
  };
}

export function firstQuestion(name: string, type: string): string {
  const plain = /^[A-Za-z_:][\w:]*$/.test(name);
  const select = (part: string) => (plain ? name + part : `{${JSON.stringify(name + part)}}`);
  if (type === "counter") return `rate(${select("")}[5m])`;
  if (type === "histogram")
    return `histogram_quantile(0.95, sum by (le) (rate(${select("_bucket")}[5m])))`;
  if (type === "summary") return `rate(${select("_sum")}[5m]) / rate(${select("_count")}[5m])`;
  return select("");
}

// job is [namespace/]name: all metrics that a service sent.
export function serviceSelector(service: string): string {
  if (service === "") return "";
  const literal = service.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return `{job=~${JSON.stringify(`(.+/)?${literal}`)}}`;
}

export function filterFamilies(list: readonly Family[], typed: string): Family[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((family) => {
    const text = `${family.name} ${family.type} ${family.help}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const FUNCTIONS: readonly [string, string][] = [
  ["rate", "per-second increase of a counter over a range"],
  ["increase", "increase of a counter over a range"],
  ["histogram_quantile", "a quantile of a histogram's buckets"],
  ["sum", "aggregation"],
  ["avg", "aggregation"],
  ["min", "aggregation"],
  ["max", "aggregation"],
  ["count", "aggregation"],
  ["topk", "the largest k series"],
];

export const FUNCTION_SUGGESTIONS: readonly Suggestion[] = FUNCTIONS.map(([name, detail]) => ({
  text: `${name}(`,
  label: name,
  detail,
}));

export const RANGE_SUGGESTIONS: readonly Suggestion[] = ["1m", "5m", "15m", "1h", "6h", "1d"].map(
  (text) => ({ text }),
);

export function nameSuggestions(
  names: readonly string[],
  known: Record<string, MetricInfo[]>,
): Suggestion[] {
  return names.map((text) => {
    const info = infoOf(text, known);
    return { text, detail: info ? [info.type, info.help].filter(Boolean).join(": ") : "" };
  });
}

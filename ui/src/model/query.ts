// A search, three ways: as the address of the page, as what stands in the form, and as what the API is
// asked. The address uses the names of Jaeger's page, so that its links work here.

export interface Query {
  service: string; // "" is every service
  operation: string; // "" is every operation
  tags: string; // as typed: key=value other="two words"
  minDuration: string; // as typed: 100ms, 1.5s
  maxDuration: string;
  lookback: string; // "1h", or "custom": then start and end count
  start: string; // microseconds since 1970, for "custom"
  end: string;
  limit: string;
  sort: string;
}

export const DEFAULTS: Query = {
  service: "", operation: "", tags: "", minDuration: "", maxDuration: "",
  lookback: "1h", start: "", end: "", limit: "20", sort: "newest",
}; // prettier-ignore

export const LOOKBACKS: readonly [string, string][] = [
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["3h", "Last 3 hours"],
  ["12h", "Last 12 hours"],
  ["1d", "Last day"],
  ["2d", "Last 2 days"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["custom", "From … to …"],
];

export function queryFromUrl(params: URLSearchParams): Query {
  const query = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof Query)[]) {
    const value = params.get(key);
    if (value !== null) query[key] = value;
  }
  if (query.service === "all") query.service = "";
  if (query.operation === "all") query.operation = "";
  if (params.get("lookback") === null && query.start !== "" && query.end !== "")
    query.lookback = "custom";
  if (query.tags.startsWith("{")) query.tags = tagsAsTyped(query.tags);
  return query;
}

export function queryToUrl(query: Query): string {
  const params = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS) as (keyof Query)[]) {
    const unused = (key === "start" || key === "end") && query.lookback !== "custom";
    if (!unused && query[key] !== DEFAULTS[key]) params.set(key, query[key]);
  }
  const text = params.toString();
  return text === "" ? "/search" : `/search?${text}`;
}

// What the API is asked for one service. Call it only for a query without problems().
export function queryForApi(query: Query, service: string, nowMs: number): URLSearchParams {
  const tags = parseTags(query.tags).tags;
  const { start, end } = rangeOf(query, nowMs);
  const params = new URLSearchParams({
    service,
    start: String(start),
    end: String(end),
    limit: query.limit,
  });
  if (query.operation !== "") params.set("operation", query.operation);
  if (Object.keys(tags).length > 0) params.set("tags", JSON.stringify(tags));
  if (query.minDuration.trim() !== "") params.set("minDuration", query.minDuration.trim());
  if (query.maxDuration.trim() !== "") params.set("maxDuration", query.maxDuration.trim());
  if (query.lookback !== "custom") params.set("lookback", query.lookback);
  return params;
}

const LOOKBACK_MS: Record<string, number> = { m: 60e3, h: 3600e3, d: 86400e3 };

export function rangeOf(query: Query, nowMs: number): { start: number; end: number } {
  if (query.lookback === "custom") return { start: Number(query.start), end: Number(query.end) };
  const [, n, unit] = /^(\d+)([mhd])$/.exec(query.lookback) ?? [];
  const back = Number(n ?? 1) * (LOOKBACK_MS[unit ?? "h"] ?? 3600e3);
  return { start: Math.round((nowMs - back) * 1000), end: Math.round(nowMs * 1000) };
}

// What is wrong with what was typed, per field, in words that say what to type instead.
export function problems(query: Query): Partial<Record<keyof Query, string>> {
  const out: Partial<Record<keyof Query, string>> = {};
  const tags = parseTags(query.tags);
  if (tags.problem) out.tags = tags.problem;
  const min = durationUs(query.minDuration);
  const max = durationUs(query.maxDuration);
  if (min === null) out.minDuration = "A number and a unit: 100ms, 1.5s";
  if (max === null) out.maxDuration = "A number and a unit: 100ms, 1.5s";
  if (min && max && min > max) out.maxDuration = "Less than the shortest";
  if (!/^[1-9]\d{0,3}$/.test(query.limit)) out.limit = "1 to 9999";
  if (query.lookback === "custom") {
    const { start, end } = rangeOf(query, 0);
    if (!(start > 0)) out.start = "When to begin?";
    if (!(end > 0)) out.end = "When to stop?";
    else if (start >= end) out.end = "Must be later than the beginning";
  }
  return out;
}

const UNIT_US: Record<string, number> = {
  ns: 1e-3,
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3600e6,
};

// A duration as Go writes it ("1m30s"), in microseconds. 0 for nothing typed, null for something else.
export function durationUs(text: string): number | null {
  const typed = text.trim();
  if (typed === "") return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(typed)) return null;
  let sum = 0;
  for (const [, n, unit] of typed.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(n) * UNIT_US[unit!]!;
  return sum;
}

// key=value, separated by spaces; a value with spaces stands in double quotes, \" and \\ inside.
export function parseTags(text: string): { tags: Record<string, string>; problem?: string } {
  const tags: Record<string, string> = {};
  const pair = /\s*([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/y;
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = pair.lastIndex) {
    pair.lastIndex = at;
    const [, key, quoted, plain] = pair.exec(text) ?? [];
    if (key === undefined) {
      const rest = text.slice(at).trim();
      return { tags, problem: `“${rest.split(/\s/)[0]}” is not key=value` };
    }
    tags[key] = quoted !== undefined ? quoted.replace(/\\(.)/g, "$1") : (plain ?? "");
  }
  return { tags };
}

export function tag(key: string, value: string): string {
  return /^[^\s"]+$/.test(value)
    ? `${key}=${value}`
    : `${key}="${value.replace(/["\\]/g, "\\$&")}"`;
}

function tagsAsTyped(json: string): string {
  try {
    const tags = JSON.parse(json) as Record<string, unknown>;
    return Object.entries(tags)
      .map(([k, v]) => tag(k, String(v)))
      .join(" ");
  } catch {
    return json; // shown as it is, with the form's complaint
  }
}

// For <input type="datetime-local">, which speaks local time without a zone.
export function usToLocal(us: string): string {
  const ms = Number(us) / 1000;
  if (us === "" || !Number.isFinite(ms)) return "";
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60e3);
  return local.toISOString().slice(0, 19);
}

export function localToUs(local: string): string {
  const ms = new Date(local).getTime();
  return Number.isNaN(ms) ? "" : String(ms * 1000);
}

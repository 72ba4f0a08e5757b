// The part of LogQL that the form over the query can write and read back: a selector, line filters, a least
// severity and labels that must have a value. The text is what counts; the form is another way to write it.
import { EVERYTHING } from "./trace-logs";

export type Op = "=" | "!=" | "=~" | "!~";
export const OPS: readonly Op[] = ["=", "!=", "=~", "!~"];

export interface Matcher {
  label: string;
  op: Op;
  value: string;
}

export interface LineFilter {
  op: "|=" | "!=" | "|~" | "!~";
  text: string;
}

export interface Parts {
  matchers: Matcher[];
  lines: LineFilter[];
  least: number; // severity number; 0: any
  labels: Matcher[]; // behind the pipe
}

const STRING = /"((?:[^"\\\n]|\\.)*)"|`([^`]*)`/y;
const MATCHER = /\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*/y;
const LINE = /\s*(\|=|\|~|!=|!~)\s*/y;
const LEAST = /\s*\|\s*severity_number\s*>=\s*(\d{1,2})(?![\w.])/y;
const LABEL = /\s*\|\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*/y;

class Reader {
  at = 0;
  constructor(readonly text: string) {}

  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  string(): string | null {
    const found = this.take(STRING);
    if (!found) return null;
    if (found[2] !== undefined) return found[2];
    try {
      return JSON.parse(`"${found[1]}"`) as string;
    } catch {
      return null; // an escape that JSON does not know: the text stays what it is
    }
  }
}

// null: the query says more than the form can.
export function readLogql(text: string): Parts | null {
  const reader = new Reader(text);
  const parts: Parts = { matchers: [], lines: [], least: 0, labels: [] };
  if (!reader.take(/\s*\{/y)) return null;
  while (!reader.take(/\s*\}/y)) {
    if (parts.matchers.length > 0 && !reader.take(/\s*,/y)) return null;
    const matcher = readMatcher(reader, MATCHER);
    if (!matcher) return null;
    parts.matchers.push(matcher);
  }
  while (!reader.take(/\s*$/y)) if (!readStage(reader, parts)) return null;
  return parts;
}

function readMatcher(reader: Reader, pattern: RegExp): Matcher | null {
  const [, label, op] = reader.take(pattern) ?? [];
  const value = label === undefined ? null : reader.string();
  return value === null ? null : { label: label!, op: op as Op, value };
}

function readStage(reader: Reader, parts: Parts): boolean {
  const line = reader.take(LINE);
  if (line) {
    const text = reader.string();
    if (text === null) return false;
    parts.lines.push({ op: line[1] as LineFilter["op"], text });
    return !reader.take(/\s+or\b/y); // alternatives are more than the form has
  }
  const least = reader.take(LEAST);
  if (least && parts.least === 0) {
    parts.least = Number(least[1]);
    return true;
  }
  const label = readMatcher(reader, LABEL);
  if (label) parts.labels.push(label);
  return label !== null && !reader.take(/\s*(,|and\b|or\b)/y);
}

const quoted = (text: string) => JSON.stringify(text);

export function writeLogql(parts: Parts): string {
  const selector = parts.matchers.map((m) => `${m.label}${m.op}${quoted(m.value)}`).join(", ");
  const stages = [
    ...parts.lines.map(({ op, text }) => `${op} ${quoted(text)}`),
    ...(parts.least > 0 ? [`| severity_number >= ${parts.least}`] : []),
    ...parts.labels.map((m) => `| ${m.label}${m.op}${quoted(m.value)}`),
  ];
  return [selector === "" ? EVERYTHING : `{${selector}}`, ...stages].join(" ");
}

// A selector that matches everything stands for no choice.
export function serviceOf(parts: Parts): string {
  const [only] = parts.matchers.filter((m) => m.label === "service_name");
  return only && only.op === "=" ? only.value : "";
}

export function withService(parts: Parts, service: string): Parts {
  const others = parts.matchers.filter((m) => m.label !== "service_name");
  const own: Matcher[] = service === "" ? [] : [{ label: "service_name", op: "=", value: service }];
  const all: Matcher[] = own.length + others.length > 0 ? [...own, ...others] : [EVERY_SERVICE];
  return { ...parts, matchers: all };
}

const EVERY_SERVICE: Matcher = { label: "service_name", op: "=~", value: ".+" };

export function isEveryService(matcher: Matcher): boolean {
  return matcher.label === "service_name" && matcher.op === "=~" && matcher.value === ".+";
}

// The form's own text field is the first plain filter.
export function textOf(parts: Parts): string {
  return parts.lines.find((line) => line.op === "|=")?.text ?? "";
}

export function withText(parts: Parts, text: string): Parts {
  const at = parts.lines.findIndex((line) => line.op === "|=");
  const lines = parts.lines.filter((_, i) => i !== at);
  return { ...parts, lines: text === "" ? lines : [{ op: "|=", text }, ...lines] };
}

// One more condition from a label of a line; a condition on the same label with the same operator is replaced.
export function withLabel(parts: Parts, where: "stream" | "metadata", matcher: Matcher): Parts {
  const key = where === "stream" ? "matchers" : "labels";
  const rest = parts[key].filter(
    (m) =>
      m.label !== matcher.label || (m.op !== matcher.op && !isEveryService(m)) || m.op === "!=",
  );
  return { ...parts, [key]: [...rest, matcher] };
}

// Whether the text asks for lines, which have a selector in front; anything else makes series of them.
export function asksForLines(text: string): boolean {
  return /^\s*\{/.test(text);
}

// How many lines there were of each severity.
export function volumeQuery(query: string, step: string): string {
  return `sum by (severity_number, severity_text, detected_level, level) (count_over_time(${query} [${step}]))`;
}

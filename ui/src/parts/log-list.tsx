// Log lines, newest first; one of them opened with all that is known of it. Everything here was written by
// others and is shown as text.
import { useEffect, useRef } from "preact/hooks";
import type { Labels } from "../api/prometheus";
import { readLogql, withLabel, writeLogql, type Op } from "../model/logql";
import {
  idsOf,
  levelOf,
  lineKeys,
  logsToUrl,
  msOf,
  prettyJson,
  traceUrl,
  type LogLine,
  type LogsState,
} from "../model/logs";
import { traceQuery } from "../model/trace-logs";
import { fixedRange } from "../model/time-range";
import { dateTime } from "../model/units";
import { CopyButton } from "./copy";
import { Dot } from "./service";

interface Props {
  state: LogsState;
  lines: readonly LogLine[];
  go: (part: Partial<LogsState>, how?: "push" | "replace") => void;
}

export function LogList({ state, lines, go }: Props) {
  const keys = lineKeys(lines);
  const box = useRef<HTMLOListElement>(null);
  const days = new Set(lines.map((line) => dateTime(msOf(line)).slice(0, 10))).size > 1;
  useEffect(() => {
    box.current?.querySelector(".log.open")?.scrollIntoView({ block: "nearest" });
  }, []);
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const all = [...box.current!.querySelectorAll<HTMLElement>(".log-line")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (by === undefined || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[at + by]?.focus();
  };
  return (
    <ol
      class={state.wrap ? "log-list panel wrapped" : "log-list panel"}
      ref={box}
      onKeyDown={onKey}
    >
      {lines.map((line, i) => (
        <Row
          key={keys[i]}
          state={state}
          line={line}
          id={keys[i]!}
          days={days}
          onToggle={() => go({ line: state.line === keys[i] ? "" : keys[i]! }, "replace")}
        />
      ))}
    </ol>
  );
}

interface RowProps {
  state: LogsState;
  line: LogLine;
  id: string;
  days: boolean; // more than one on the page
  onToggle: () => void;
}

function Row({ state, line, id, days, onToggle }: RowProps) {
  const open = state.line === id;
  const level = levelOf(line);
  const service = line.stream.service_name ?? "";
  const ids = idsOf(line);
  const at = dateTime(msOf(line));
  return (
    <li class={`log ${level}${open ? " open" : ""}`}>
      <div class="log-head">
        <button type="button" class="log-line" aria-expanded={open} onClick={onToggle}>
          <span class="log-time num" title={at}>
            {days ? at.slice(5) : at.slice(11)}
          </span>
          <span class="log-level">{level === "unknown" ? "" : level}</span>
          <span class="log-service">
            {service !== "" && <Dot service={service} />}
            <span class="chip-name">{service}</span>
          </span>
          <span class="log-body">{line.line}</span>
        </button>
        {ids && (
          <a class="log-trace" href={traceUrl(ids)} title="The trace in which it was written">
            trace
          </a>
        )}
      </div>
      {open && <Details state={state} line={line} />}
    </li>
  );
}

function Details({ state, line }: { state: LogsState; line: LogLine }) {
  const ids = idsOf(line);
  const pretty = prettyJson(line.line);
  const ms = msOf(line);
  const around: LogsState = {
    ...state,
    query: writeLogql({
      matchers: Object.entries(line.stream).map(([label, value]) => ({
        label,
        op: "=" as Op,
        value,
      })),
      lines: [],
      least: 0,
      labels: [],
    }),
    range: fixedRange({ from: ms - 60e3, to: ms + 60e3 }),
  };
  return (
    <div class="log-details">
      <div class="log-actions">
        {ids && (
          <a class="button small primary" href={traceUrl(ids)}>
            {ids.span === "" ? "Open its trace" : "Open its span"}
          </a>
        )}
        {ids && (
          <a
            class="button small"
            href={logsToUrl({ ...state, query: traceQuery(ids.trace), line: "" })}
          >
            All lines of the trace
          </a>
        )}
        <a class="button small" href={logsToUrl({ ...around, line: "" })}>
          A minute around it
        </a>
        <CopyButton text={line.line} what="the line" label="Copy the line" />
      </div>
      {pretty !== null && (
        <div class="code">
          <pre>{pretty}</pre>
        </div>
      )}
      <LabelTable title="Record" where="metadata" labels={line.metadata} state={state} />
      <LabelTable title="Parsed" where="metadata" labels={line.parsed} state={state} />
      <LabelTable title="Stream" where="stream" labels={line.stream} state={state} />
    </div>
  );
}

interface LabelTableProps {
  title: string;
  where: "stream" | "metadata";
  labels: Labels;
  state: LogsState;
}

function LabelTable({ title, where, labels, state }: LabelTableProps) {
  const pairs = Object.entries(labels).sort(([a], [b]) => a.localeCompare(b));
  const parts = readLogql(state.query);
  if (pairs.length === 0) return null;
  const only = (label: string, op: Op, value: string) =>
    logsToUrl({
      ...state,
      query: writeLogql(withLabel(parts!, where, { label, op, value })),
      line: "",
    });
  return (
    <section class="log-labels">
      <h3>{title}</h3>
      <dl class="pairs">
        {pairs.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class="value">
              <span class="text">{value}</span>
              <span class="pair-actions">
                {parts && (
                  <>
                    <a
                      class="icon-button tiny"
                      href={only(label, "=", value)}
                      title="Only lines with this value"
                      aria-label={`Only lines with this ${label}`}
                    >
                      =
                    </a>
                    <a
                      class="icon-button tiny"
                      href={only(label, "!=", value)}
                      title="Only lines without this value"
                      aria-label={`Only lines without this ${label}`}
                    >
                      ≠
                    </a>
                  </>
                )}
                <CopyButton text={value} what={label} />
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

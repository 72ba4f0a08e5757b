// The lines that were written within one span, oldest first, and the way to them.
import type { ApiError } from "../api/http";
import { nanos, queryLogs } from "../api/loki";
import { traceLogsUrl, traceQuery } from "../model/trace-logs";
import { levelOf, lineKeys, msOf, type LogLine } from "../model/logs";
import type { Span, Trace } from "../model/trace";
import { duration } from "../model/units";
import { useLoad } from "../use-load";

const SHOWN = 50;

export function SpanLogs({ trace, span }: { trace: Trace; span: Span }) {
  const startMs = (trace.startUs + span.start) / 1000;
  const question = {
    query: traceQuery(trace.id, span.id),
    startNs: nanos(startMs - 60e3),
    endNs: nanos(startMs + span.duration / 1000 + 300e3),
    limit: SHOWN,
    step: 60,
  };
  const key = JSON.stringify(question);
  const loaded = useLoad(key, (signal) => queryLogs(question, signal));
  if (loaded.error) {
    const absent = (loaded.error as ApiError).status === 404;
    return <p class="muted none">{absent ? "This server keeps no logs." : loaded.error.message}</p>;
  }
  if (loaded.key !== key) return <p class="muted none">Reading …</p>;
  const lines = loaded.data && "lines" in loaded.data ? [...loaded.data.lines].reverse() : [];
  if (lines.length === 0) return <p class="muted none">Nothing was logged within this span.</p>;
  return (
    <>
      <ul class="span-logs">
        {lines.map((line, i) => (
          <Line key={lineKeys(lines)[i]} line={line} startMs={startMs} />
        ))}
      </ul>
      <p class="span-logs more">
        <a href={traceLogsUrl(trace.id, trace.startUs + span.start, span.duration, span.id)}>
          {lines.length < SHOWN
            ? "Show them among the logs"
            : `More than ${SHOWN} lines: show them among the logs`}
        </a>
      </p>
    </>
  );
}

function Line({ line, startMs }: { line: LogLine; startMs: number }) {
  const level = levelOf(line);
  const offset = (msOf(line) - startMs) * 1000;
  return (
    <li class={`log ${level}`}>
      <span class="log-time num" title="After the start of the span">
        {offset < 0 ? `−${duration(-offset)}` : `+${duration(offset)}`}
      </span>
      <span class="log-body">
        {level !== "unknown" && <b class="log-level">{level} </b>}
        {line.line}
      </span>
    </li>
  );
}

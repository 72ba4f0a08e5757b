import { tracePath } from "../api/jaeger";
import { traceLogsUrl } from "../model/trace-logs";
import type { Trace } from "../model/trace";
import { dateTime, duration, plural } from "../model/units";
import { cameFromInside } from "../router";
import { CopyButton } from "./copy";
import { BackIcon, ErrorIcon, RefreshIcon } from "./icons";
import { Dot } from "./service";

interface Props {
  trace: Trace;
  reload: () => void;
  loading: boolean;
  problem: string | undefined;
}

export function TraceHead({ trace, reload, loading, problem }: Props) {
  const logs = traceLogsUrl(trace.id, trace.startUs, trace.duration);
  return (
    <header class="trace-head">
      <a class="icon-button" href="/search" title="Back" aria-label="Back" onClick={goBack}>
        <BackIcon />
      </a>
      <h1>
        <Dot service={trace.root.service} />
        <span class="th-name">{trace.root.name}</span>
        <span class="th-service">{trace.root.service}</span>
      </h1>
      <dl class="facts">
        <Fact name="Duration" value={duration(trace.duration)} strong />
        <Fact name="Spans" value={String(trace.spans.length)} />
        <Fact name="Services" value={String(trace.services.length)} />
        <Fact name="Depth" value={String(trace.depth)} />
        <Fact name="Started" value={dateTime(trace.startUs / 1000)} />
      </dl>
      {trace.errors > 0 && (
        <span class="th-errors">
          <ErrorIcon label="" /> {plural(trace.errors, "error")}
        </span>
      )}
      <span class="th-actions">
        <span class="th-id mono" title={trace.id}>
          {trace.id.slice(0, 8)}…
        </span>
        <CopyButton text={trace.id} what="the trace id" />
        <button
          type="button"
          class={loading ? "icon-button spinning" : "icon-button"}
          onClick={reload}
          title="Load again"
          aria-label="Load the trace again"
        >
          <RefreshIcon />
        </button>
        <a class="button small" href={logs} title="What was logged within this trace">
          Logs
        </a>
        <a class="button small" href={tracePath(trace.id)} target="_blank" rel="noreferrer">
          JSON
        </a>
      </span>
      {problem && (
        <p class="notice bad th-warning" role="alert">
          This is the trace as it was loaded before. {problem}
        </p>
      )}
      {trace.warnings.map((warning) => (
        <p key={warning} class="notice th-warning">
          {warning}
        </p>
      ))}
    </header>
  );
}

// Back to the results that led here, with their conditions; a trace opened from a link has none.
function goBack(event: MouseEvent): void {
  if (!cameFromInside() || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  history.back();
}

function Fact({ name, value, strong = false }: { name: string; value: string; strong?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={strong ? "num strong" : "num"}>{value}</dd>
    </div>
  );
}

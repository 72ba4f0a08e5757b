// Logs: what was written, newest first, with how much of it there was; from a line to its trace and span.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ApiError } from "../api/http";
import { logLabelValues, nanos, queryLogs, type LogAnswer } from "../api/loki";
import { useStatus } from "../api/status";
import { asksForLines, volumeQuery } from "../model/logql";
import { EVERYTHING } from "../model/trace-logs";
import {
  joinOlder,
  logsFromUrl,
  logsToUrl,
  olderEnd,
  type LogLine,
  type LogsState,
} from "../model/logs";
import {
  alignedTo,
  fixedRange,
  periodText,
  rangeProblem,
  resolveRange,
  stepFor,
  type Span,
} from "../model/time-range";
import { plural } from "../model/units";
import { EmptySignal } from "../parts/empty-signal";
import { Failure } from "../parts/failure";
import { Graph } from "../parts/graph";
import { LogForm } from "../parts/log-form";
import { LogList } from "../parts/log-list";
import { LogVolume } from "../parts/log-volume";
import { navigate } from "../router";
import { useLoad } from "../use-load";
import { useNow } from "../use-now";
import { useTitle } from "../use-title";

const BARS = 70;
const POINTS = 240;

export function LogsView({ params }: { params: URLSearchParams }) {
  useTitle("Logs");
  const address = params.toString();
  const state = useMemo(() => logsFromUrl(params), [address]);
  const [now, refresh] = useNow(state.range.live);
  const span = resolveRange(state.range, now);
  const wrong = rangeProblem(state.range);
  const minute = Math.floor(span.to / 60e3); // services do not come and go with every refresh
  const services = useLoad(wrong ? null : JSON.stringify([state.range, minute]), (signal) =>
    logLabelValues("service_name", span, signal),
  );
  const answer = useAnswer(state, span, wrong === null);
  const go = (part: Partial<LogsState>, how: "push" | "replace" = "push") => {
    const next = {
      ...state,
      ...part,
      query: part.query === "" ? EVERYTHING : (part.query ?? state.query),
    };
    if (logsToUrl(next) === logsToUrl(state)) refresh();
    else navigate(logsToUrl(next), how);
  };
  const records = useStatus().status?.received.log_records;
  const none = answer.data && "lines" in answer.data && answer.data.lines.length === 0;
  useEffect(() => {
    if (none && state.range.range !== "custom") refresh(); // something has arrived where nothing was
  }, [none && records]);
  if (none && records === 0 && services.data?.length === 0) return <EmptySignal signal="logs" />;
  return (
    <div class="view-page logs-page">
      <LogForm
        state={state}
        span={span}
        services={services.data ?? []}
        loading={answer.loading}
        go={go}
        onRange={(range) => go({ range, line: "" })}
        refresh={refresh}
      />
      {wrong ? (
        <p class="notice">{wrong}</p>
      ) : (
        <Answer state={state} span={span} loaded={answer} go={go} refresh={refresh} />
      )}
    </div>
  );
}

interface Grid {
  start: number;
  end: number;
  step: number;
}

function gridOf(span: Span, points: number): Grid {
  const step = stepFor(span, points);
  return { ...alignedTo(span, step), step };
}

// What is asked for lines; series have a grid of their own.
function questionOf(state: LogsState, span: Span) {
  const grid = gridOf(span, POINTS);
  const lines = asksForLines(state.query);
  return {
    grid,
    question: {
      query: state.query,
      startNs: nanos(lines ? span.from : grid.start * 1000),
      endNs: nanos(lines ? span.to : grid.end * 1000),
      limit: Number(state.limit),
      step: grid.step,
    },
  };
}

function useAnswer(state: LogsState, span: Span, askable: boolean) {
  const { grid, question } = questionOf(state, span);
  return useLoad(askable ? JSON.stringify(question) : null, async (signal) => {
    const answer = await queryLogs(question, signal);
    return { ...answer, grid };
  });
}

interface AnswerProps {
  state: LogsState;
  span: Span;
  loaded: ReturnType<typeof useLoad<LogAnswer & { grid: Grid }>>;
  go: (part: Partial<LogsState>, how?: "push" | "replace") => void;
  refresh: () => void;
}

function Answer({ state, span, loaded, go, refresh }: AnswerProps) {
  const { data, error, loading } = loaded;
  if (error) return <Failure error={error as ApiError} what="Loki’s API" retry={refresh} />;
  if (!data) return <p class="loading">Reading …</p>;
  return (
    <section class={loading ? "answer stale" : "answer"} aria-busy={loading}>
      {"series" in data ? (
        data.series.length > 0 ? (
          <Graph
            result={data.series}
            grid={data.grid}
            onZoom={(zoom) => go({ range: fixedRange(zoom) })}
          />
        ) : (
          <NoLines state={state} go={go} />
        )
      ) : (
        <>
          {asksForLines(state.query) && <Volume state={state} span={span} go={go} />}
          <Lines key={loaded.key} state={state} span={span} first={data.lines} go={go} />
        </>
      )}
    </section>
  );
}

function Volume({ state, span, go }: Pick<AnswerProps, "state" | "span" | "go">) {
  const grid = gridOf(span, BARS);
  const query = volumeQuery(state.query, periodText(grid.step));
  // The count at t is of (t - step, t].
  const question = {
    query,
    startNs: nanos((grid.start + grid.step) * 1000),
    endNs: nanos(grid.end * 1000),
    limit: 1,
    step: grid.step,
  };
  const volume = useLoad(JSON.stringify(question), async (signal) => {
    const answer = await queryLogs(question, signal);
    return {
      result: "series" in answer ? answer.series : [],
      grid: { ...grid, start: grid.start + grid.step },
    };
  });
  if (volume.error)
    return <p class="notice">The volume over time could not be counted: {volume.error.message}</p>;
  if (!volume.data) return <div class="panel log-volume waiting-plot" />;
  if (volume.data.result.length === 0) return null;
  return (
    <LogVolume
      result={volume.data.result}
      grid={volume.data.grid}
      onZoom={(zoom) => go({ range: fixedRange(zoom), line: "" })}
    />
  );
}

interface LinesProps {
  state: LogsState;
  span: Span;
  first: readonly LogLine[];
  go: (part: Partial<LogsState>, how?: "push" | "replace") => void;
}

function Lines({ state, span, first, go }: LinesProps) {
  const [lines, setLines] = useState(first);
  const [more, setMore] = useState<{ state: "idle" | "loading" | "done"; error?: string }>({
    state: first.length < Number(state.limit) ? "done" : "idle",
  });
  const older = async () => {
    setMore({ state: "loading" });
    try {
      const { question } = questionOf(state, span);
      const answer = await queryLogs(
        { ...question, endNs: olderEnd(lines) },
        new AbortController().signal,
      );
      const found = "lines" in answer ? answer.lines : [];
      const joined = joinOlder(lines, found);
      setLines(joined);
      setMore({
        state: found.length < question.limit || joined.length === lines.length ? "done" : "idle",
      });
    } catch (error) {
      setMore({ state: "idle", error: (error as Error).message });
    }
  };
  if (lines.length === 0) return <NoLines state={state} go={go} />;
  return (
    <>
      <h1 class="log-count">
        {more.state === "done"
          ? plural(lines.length, "line")
          : `Newest ${plural(lines.length, "line")}`}
      </h1>
      <LogList state={state} lines={lines} go={go} />
      {more.error && <p class="notice bad">{more.error}</p>}
      {more.state !== "done" && (
        <button
          type="button"
          class="button older"
          disabled={more.state === "loading"}
          onClick={() => void older()}
        >
          {more.state === "loading" ? "Loading …" : "Load older lines"}
        </button>
      )}
    </>
  );
}

function NoLines({ state, go }: Pick<LinesProps, "state" | "go">) {
  return (
    <div class="message small">
      <h2>No line matches</h2>
      <p>
        {state.query === EVERYTHING
          ? "Nothing was logged in this time."
          : "Text and labels match upper and lower case as they are written. Try fewer conditions or more time."}
      </p>
      <p class="actions">
        {state.range.range !== "1d" && (
          <button
            type="button"
            class="button"
            onClick={() => go({ range: { range: "1d", from: "", to: "", live: false } })}
          >
            Look at the last day
          </button>
        )}
        {state.query !== EVERYTHING && (
          <button type="button" class="button" onClick={() => go({ query: EVERYTHING })}>
            Without the conditions
          </button>
        )}
      </p>
    </div>
  );
}

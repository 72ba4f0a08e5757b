// Metrics: a PromQL query as a plot or a table, and the names there are for whoever does not know them yet.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ApiError } from "../api/http";
import {
  labelNames,
  labelValues,
  metadata,
  queryInstant,
  queryRange,
  type Answer,
  type MetricInfo,
} from "../api/prometheus";
import { useStatus } from "../api/status";
import {
  FUNCTION_SUGGESTIONS,
  infoOf,
  metricsFromUrl,
  metricsToUrl,
  nameSuggestions,
  RANGE_SUGGESTIONS,
  serviceSelector,
  STEPS,
  stepSeconds,
  type MetricsState,
} from "../model/metrics";
import type { Context, Suggestion } from "../model/query-context";
import { scalarTable, vectorTable } from "../model/series";
import { alignedTo, fixedRange, rangeProblem, resolveRange, type Span } from "../model/time-range";
import { Choice } from "../parts/field";
import { EmptySignal } from "../parts/empty-signal";
import { Failure } from "../parts/failure";
import { Graph } from "../parts/graph";
import { MetricList } from "../parts/metric-list";
import { QueryInput } from "../parts/query-input";
import { TimePicker } from "../parts/time-picker";
import { VectorTable } from "../parts/vector-table";
import { navigate } from "../router";
import { useLoad } from "../use-load";
import { useNow } from "../use-now";
import { useTitle } from "../use-title";

export function MetricsView({ params }: { params: URLSearchParams }) {
  const address = params.toString();
  const state = useMemo(() => metricsFromUrl(params), [address]);
  useTitle(state.query === "" ? "Metrics" : state.query);
  const [now, refresh] = useNow(state.range.live);
  const span = resolveRange(state.range, now);
  const wrong = rangeProblem(state.range);
  const names = useNames(state, span, wrong === null);
  const known = useLoad("metadata", metadata);
  const answer = useAnswer(state, span, wrong === null);
  const again = () => {
    refresh();
    names.reload();
    known.reload();
  };
  const go = (part: Partial<MetricsState>) => {
    const url = metricsToUrl({ ...state, ...part });
    if (url === metricsToUrl(state)) refresh();
    else navigate(url);
  };
  const points = useStatus().status?.received.metric_points;
  const none = names.data?.length === 0 && state.service === "" && state.query === "";
  useEffect(() => {
    if (!none) return;
    again(); // something has arrived where nothing was
  }, [none && points]);
  if (none && points === 0) return <EmptySignal signal="metrics" />;
  return (
    <div class="view-page metrics-page">
      <MetricsForm
        state={state}
        span={span}
        names={names.data ?? []}
        known={known.data ?? {}}
        loading={answer.loading && state.query !== ""}
        go={go}
        refresh={again}
      />
      {wrong && <p class="notice">{wrong}</p>}
      {state.query === "" && names.error && (
        <Failure error={names.error as ApiError} what="Prometheus’ API" retry={refresh} />
      )}
      {state.query === "" && names.data && (
        <MetricList state={state} names={names.data} known={known.data ?? {}} />
      )}
      {state.query !== "" && !wrong && (
        <Result
          key={state.tab}
          state={state}
          span={span}
          loaded={answer}
          go={go}
          refresh={refresh}
        />
      )}
    </div>
  );
}

// Names do not come and go with every refresh: they are asked for once a minute, up to its end.
function useNames(state: MetricsState, span: Span, askable: boolean) {
  const minute = Math.ceil(span.to / 60e3);
  const whole = { from: span.from, to: minute * 60e3 };
  const key = askable ? JSON.stringify([state.service, state.range, minute]) : null;
  return useLoad(key, (signal) =>
    labelValues("__name__", serviceSelector(state.service), whole, signal),
  );
}

function useAnswer(state: MetricsState, span: Span, askable: boolean) {
  const step = stepSeconds(state.step, span);
  const grid = { ...alignedTo(span, step), step };
  const key = JSON.stringify([state.query, state.tab, state.tab === "table" ? span.to : grid]);
  return useLoad(askable && state.query !== "" ? key : null, async (signal) => {
    const answer = await (state.tab === "table"
      ? queryInstant(state.query, span.to / 1000, signal)
      : queryRange({ query: state.query, ...grid }, signal));
    return { ...answer, grid };
  });
}

interface FormProps {
  state: MetricsState;
  span: Span;
  names: readonly string[];
  known: Record<string, MetricInfo[]>;
  loading: boolean;
  go: (part: Partial<MetricsState>) => void;
  refresh: () => void;
}

function MetricsForm({ state, span, names, known, loading, go, refresh }: FormProps) {
  const [draft, setDraft] = useState(state.query);
  useEffect(() => setDraft(state.query), [state.query]);
  const suggest = (context: Context) => suggestionsFor(context, { span, names, known });
  const about = /[A-Za-z_:][\w:]*/g;
  const metric = (draft.match(about) ?? []).find((word) => names.includes(word));
  const info = metric === undefined ? undefined : infoOf(metric, known);
  return (
    <form
      class="query-form panel"
      onSubmit={(event) => {
        event.preventDefault();
        go({ query: draft.trim() });
      }}
    >
      <div class="query-line">
        <QueryInput
          value={draft}
          label="Query in PromQL"
          placeholder="A metric’s name, or any PromQL"
          suggest={suggest}
          onInput={setDraft}
          onSubmit={(text) => go({ query: text.trim() })}
        />
        <button class="button primary" type="submit">
          Run
        </button>
      </div>
      {metric !== undefined && info && (
        <p class="metric-info">
          <span class="mono">{metric}</span> <span class={`m-type ${info.type}`}>{info.type}</span>
          {info.help} {info.unit !== "" && <span class="muted">({info.unit})</span>}
        </p>
      )}
      <div class="query-tools">
        <div class="segments" role="group" aria-label="Show as">
          {(["graph", "table"] as const).map((tab) => (
            <button
              key={tab}
              type="button"
              aria-pressed={state.tab === tab}
              onClick={() => go({ tab })}
            >
              {tab === "graph" ? "Graph" : "Table"}
            </button>
          ))}
        </div>
        {state.tab === "graph" && (
          <label class="step">
            <span>Step</span>
            <Choice
              name="step"
              value={state.step}
              options={STEPS}
              onChoose={(step) => go({ step })}
            />
          </label>
        )}
        {state.query !== "" && (
          <a class="button small all-metrics" href={metricsToUrl({ ...state, query: "" })}>
            All metrics
          </a>
        )}
        <TimePicker
          range={state.range}
          loading={loading}
          onChange={(range) => go({ range })}
          onRefresh={refresh}
        />
      </div>
    </form>
  );
}

interface Known {
  span: Span;
  names: readonly string[];
  known: Record<string, MetricInfo[]>;
}

async function suggestionsFor(
  context: Context,
  { span, names, known }: Known,
): Promise<readonly Suggestion[]> {
  const match = context.metric;
  const plain = (list: string[]) => list.map((text) => ({ text }));
  switch (context.kind) {
    case "name":
      return [...nameSuggestions(names, known), ...FUNCTION_SUGGESTIONS];
    case "label":
    case "list":
      return plain((await labelNames(match, span)).filter((name) => name !== "__name__"));
    case "value":
      return plain(await labelValues(context.label, match, span));
    case "range":
      return RANGE_SUGGESTIONS;
    case "none":
      return [];
  }
}

interface Grid {
  start: number;
  end: number;
  step: number;
}

interface ResultProps {
  state: MetricsState;
  span: Span;
  loaded: ReturnType<typeof useLoad<Answer & { grid: Grid }>>;
  go: (part: Partial<MetricsState>) => void;
  refresh: () => void;
}

function Result({ state, loaded, go, refresh }: ResultProps) {
  const { data: answer, error, loading } = loaded;
  if (error) return <Failure error={error as ApiError} what="Prometheus’ API" retry={refresh} />;
  if (!answer) return <p class="loading">Asking …</p>;
  const { data, warnings, grid } = answer;
  const empty = Array.isArray(data.result) && data.result.length === 0;
  return (
    <section class={loading ? "answer stale" : "answer"} aria-busy={loading}>
      {warnings.map((warning) => (
        <p key={warning} class="notice">
          {warning}
        </p>
      ))}
      {empty && <NoSeries state={state} go={go} />}
      {!empty && data.resultType === "matrix" && state.tab === "graph" && (
        <Graph
          result={data.result}
          grid={grid}
          onZoom={(zoom) => go({ range: fixedRange(zoom) })}
        />
      )}
      {!empty && data.resultType === "matrix" && state.tab === "table" && (
        <p class="notice">
          This is a range of samples for each series: take a function over it, such as rate(…).
        </p>
      )}
      {!empty && data.resultType === "vector" && <VectorTable table={vectorTable(data.result)} />}
      {(data.resultType === "scalar" || data.resultType === "string") && (
        <VectorTable table={scalarTable(data.result)} />
      )}
    </section>
  );
}

function NoSeries({
  state,
  go,
}: {
  state: MetricsState;
  go: (part: Partial<MetricsState>) => void;
}) {
  return (
    <div class="message small">
      <h2>No series</h2>
      <p>
        The query is a good one, but nothing in this time matches it. A label may have another
        value, and a rate needs two samples within its range: SDKs send one a minute.
      </p>
      <p class="actions">
        <button
          type="button"
          class="button"
          onClick={() => go({ range: { range: "1d", from: "", to: "", live: false } })}
        >
          Look at the last day
        </button>
        <a class="button" href={metricsToUrl({ ...state, query: "" })}>
          All metrics
        </a>
      </p>
    </div>
  );
}

// The overview: how every service does, from its spans, and from each number to what is behind it.
import { useEffect, useMemo } from "preact/hooks";
import type { ApiError } from "../api/http";
import { fetchServiceRows, type ServiceRow, type Services } from "../api/services";
import { useStatus } from "../api/status";
import {
  atLeast,
  errorShare,
  logShare,
  logsUrl,
  meanRate,
  metricsUrl,
  percent,
  rateText,
  servicesUrl,
  sortedRows,
  sortFromUrl,
  tracesUrl,
  type SortKey,
} from "../model/services";
import {
  rangeFromUrl,
  rangeProblem,
  resolveRange,
  type Span,
  type TimeRange,
} from "../model/time-range";
import { count, duration, plural } from "../model/units";
import { EmptyStore } from "../parts/empty-store";
import { Failure } from "../parts/failure";
import { Dot } from "../parts/service";
import { Sparkline } from "../parts/sparkline";
import { TimePicker } from "../parts/time-picker";
import { navigate } from "../router";
import { useLoad } from "../use-load";
import { useNow } from "../use-now";
import { useTitle } from "../use-title";

export function ServicesView({ params }: { params: URLSearchParams }) {
  useTitle("Services");
  const address = params.toString();
  const range = useMemo(() => rangeFromUrl(params), [address]);
  const sort = sortFromUrl(params);
  const [now, refresh] = useNow(range.live);
  const span = resolveRange(range, now);
  const wrong = rangeProblem(range);
  const key = wrong ? null : JSON.stringify([range.range, span.to, range.from]);
  const loaded = useLoad(key, (signal) => fetchServiceRows(span, signal));
  const { status } = useStatus();
  const nothing = status?.stored.spans === 0 && status.received.spans === 0;
  const rows = loaded.data?.services;
  // Spans into an empty store: the overview shows up by itself.
  useEffect(() => {
    if (rows?.length === 0 && (status?.received.spans ?? 0) > 0) refresh();
  }, [rows?.length === 0 && status?.received.spans]);
  if (nothing && rows?.length === 0) return <EmptyStore />;
  return (
    <div class="view-page">
      <div class="view-head">
        <h1>{rows ? plural(rows.length, "service") : "Services"}</h1>
        <TimePicker
          range={range}
          loading={loaded.loading}
          onChange={(next) => navigate(servicesUrl(next, sort))}
          onRefresh={refresh}
        />
      </div>
      {wrong && <p class="notice">{wrong}</p>}
      {loaded.error && (
        <Failure error={loaded.error as ApiError} what="The overview" retry={refresh} />
      )}
      {!loaded.error && !loaded.data && !wrong && <p class="loading">Counting spans …</p>}
      {!loaded.error && loaded.data && (
        <Overview data={loaded.data} span={span} range={range} sort={sort} stale={loaded.loading} />
      )}
    </div>
  );
}

interface OverviewProps {
  data: Services;
  span: Span;
  range: TimeRange;
  sort: SortKey;
  stale: boolean;
}

function Overview({ data, span, range, sort, stale }: OverviewProps) {
  const rows = useMemo(() => sortedRows(data.services, sort), [data, sort]);
  const slowest = Math.max(1e-6, ...rows.map((row) => row.p99_ms ?? 0));
  if (rows.length === 0) return <Nothing range={range} />;
  const head = (key: SortKey, name: string, title: string) => (
    <th
      scope="col"
      class={`s-${key}`}
      aria-sort={sort === key ? (key === "name" ? "ascending" : "descending") : "none"}
    >
      <a href={servicesUrl(range, key)} title={title}>
        {name}
      </a>
    </th>
  );
  return (
    <>
      {!data.complete && (
        <p class="notice">
          There are more services than one answer holds; these are the {count(rows.length)} seen
          last.
        </p>
      )}
      <div class={stale ? "panel table-scroll busy" : "panel table-scroll"}>
        <table class="services">
          <thead>
            <tr>
              {head("name", "Service", "By name")}
              {head("rate", "Rate", "Entry spans per second: those of kind server and consumer")}
              {head("errors", "Errors", "The share of them that failed")}
              {head("p50", "p50", "Half of them took at most so long")}
              {head("p95", "p95", "95 of 100 took at most so long")}
              {head("p99", "p99", "99 of 100 took at most so long")}
              <th scope="col" class="s-links">
                <span class="off-screen">Its data</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row
                key={row.name}
                row={row}
                data={data}
                span={span}
                range={range}
                slowest={slowest}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface RowProps {
  row: ServiceRow;
  data: Services;
  span: Span;
  range: TimeRange;
  slowest: number; // milliseconds, of all
}

const NOTES = {
  entry: "",
  root: "Nothing called it in this time: its root spans are counted",
  none: "It neither was called nor began a trace in this time",
};

function Row({ row, data, span, range, slowest }: RowProps) {
  const traces = tracesUrl(row.name, span, range);
  const failed = errorShare(row);
  const rate = rateText(meanRate(row, data));
  const took = (key: "p50" | "p95" | "p99", ms: number | null) => (
    <td class={`s-${key} num`} data-name={key}>
      {ms === null ? (
        <span class="muted">–</span>
      ) : (
        <a
          href={tracesUrl(row.name, span, range, { minDuration: atLeast(ms), sort: "longest" })}
          title="The traces that took at least so long"
        >
          {duration(ms * 1000)}
          <span class="meter" aria-hidden="true">
            <i style={{ width: `${logShare(ms, slowest) * 100}%` }} />
          </span>
        </a>
      )}
    </td>
  );
  return (
    <tr>
      <th scope="row" class="s-name">
        <a href={traces}>
          <Dot service={row.name} />
          <span class="svc">{row.name}</span>
        </a>
        {row.counted !== "entry" && (
          <span class="tag-note" title={NOTES[row.counted]}>
            {row.counted === "root" ? "roots" : "inner spans only"}
          </span>
        )}
      </th>
      <td class="s-rate num">
        <span class="s-rate-box">
          <Sparkline rate={row.rate} errors={row.error_rate} label={`Rate of ${row.name}`} />
          <span class="s-rate-value">
            <b>{rate.value}</b>
            <span class="muted">/{rate.per}</span>
          </span>
        </span>
      </td>
      <td class="s-errors num" data-name="errors">
        {row.errors > 0 ? (
          <a
            class="bad-text"
            href={tracesUrl(row.name, span, range, { tags: "error=true" })}
            title={`${plural(row.errors, "error")}: show their traces`}
          >
            {percent(failed)}
          </a>
        ) : (
          <span class="muted">{row.spans > 0 ? "0 %" : "–"}</span>
        )}
      </td>
      {took("p50", row.p50_ms)}
      {took("p95", row.p95_ms)}
      {took("p99", row.p99_ms)}
      <td class="s-links">
        <a class="button small" href={traces} aria-label={`Traces of ${row.name}`}>
          Traces
        </a>
        <a class="button small" href={logsUrl(row.name, range)} aria-label={`Logs of ${row.name}`}>
          Logs
        </a>
        <a
          class="button small"
          href={metricsUrl(row.name, range)}
          aria-label={`Metrics of ${row.name}`}
        >
          Metrics
        </a>
      </td>
    </tr>
  );
}

function Nothing({ range }: { range: TimeRange }) {
  return (
    <div class="message small">
      <h2>No spans in this time</h2>
      <p>Services show up here with the first span that they send. Is the time the right one?</p>
      <p class="actions">
        {range.range !== "1d" && (
          <a
            class="button"
            href={servicesUrl({ range: "1d", from: "", to: "", live: false }, "rate")}
          >
            Look at the last day
          </a>
        )}
        <a class="button" href="/search">
          Search for traces
        </a>
      </p>
    </div>
  );
}

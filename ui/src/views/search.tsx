// Trace search. What it shows follows from the address alone; the form writes addresses.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ApiError } from "../api/http";
import { fetchServices } from "../api/jaeger";
import { search, SERVICES_MAX, type Found } from "../api/search";
import { useStatus } from "../api/status";
import { DEFAULTS, problems, queryFromUrl, queryToUrl, type Query } from "../model/query";
import { SORTS, sorted } from "../model/summary";
import { plural, shortCount } from "../model/units";
import { EmptyStore } from "../parts/empty-store";
import { RefreshIcon } from "../parts/icons";
import { Scatter } from "../parts/scatter";
import { SearchForm } from "../parts/search-form";
import { TraceList } from "../parts/trace-list";
import { navigate } from "../router";
import { useLoad, type Loaded } from "../use-load";
import { useTitle } from "../use-title";

export function SearchView({ params }: { params: URLSearchParams }) {
  const address = params.toString();
  const query = useMemo(() => queryFromUrl(params), [address]);
  const live = useStatus();
  useTitle(query.service === "" ? "Traces" : `${query.service} traces`);

  // Asked again whenever spans come into a store that had no services so far.
  const services = useLoad("services", fetchServices);
  const received = live.status?.received.spans ?? 0;
  const none = services.data?.length === 0;
  useEffect(() => {
    if (none || (services.error && live.state === "online")) services.reload();
  }, [none, received, live.state]);

  if (services.error && !services.data)
    return <Unreachable error={services.error as ApiError} retry={services.reload} />;
  if (!services.data) return <p class="loading">Loading …</p>;
  if (none && query.service === "") return <EmptyStore />;
  return <SearchPage query={query} services={services.data} refreshServices={services.reload} />;
}

function SearchPage(props: { query: Query; services: string[]; refreshServices: () => void }) {
  const { query, services } = props;
  const askable = Object.keys(problems(query)).length === 0;
  const { sort: _, ...asked } = query; // sorting is ours: it asks nothing new
  const key = askable ? JSON.stringify([asked, query.service === "" ? services : []]) : null;
  const results = useLoad(key, (signal) => search(query, services, Date.now(), signal));
  const go = (next: Query) => {
    const url = queryToUrl(next);
    if (url === queryToUrl(query)) results.reload();
    else navigate(url);
  };
  const refresh = () => {
    props.refreshServices();
    results.reload();
  };
  return (
    <div class="search-page">
      <SearchForm query={query} services={services} onSearch={go} />
      <Results query={query} results={results} refresh={refresh} go={go} askable={askable} />
    </div>
  );
}

interface ResultsProps {
  query: Query;
  results: Loaded<Found>;
  refresh: () => void;
  go: (query: Query) => void;
  askable: boolean;
}

function Results({ query, results, refresh, go, askable }: ResultsProps) {
  const [hovered, setHovered] = useState<string | null>(null);
  const { data, error, loading } = results;
  const { status } = useStatus();
  const nowMs = status?.now_unix_ms ?? Date.now();
  const traces = useMemo(() => sorted(data?.traces ?? [], query.sort), [data, query.sort]);
  if (!askable)
    return (
      <p class="notice">
        The address asks for something that cannot be searched. Correct the form and try again.
      </p>
    );
  if (error) return <Unreachable error={error as ApiError} retry={refresh} />;
  if (!data) return <p class="loading">Searching …</p>;
  return (
    <section class={loading ? "results stale" : "results"} aria-busy={loading}>
      <div class="results-head">
        <h1>{headline(data, query)}</h1>
        <NewSpans answer={data} refresh={refresh} />
        <label class="sort">
          <span class="off-screen">Order</span>
          <select
            value={query.sort}
            onChange={(event) =>
              navigate(queryToUrl({ ...query, sort: event.currentTarget.value }), "replace")
            }
          >
            {SORTS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      {data.asked < data.known && query.service === "" && (
        <p class="notice">
          The first {SERVICES_MAX} of {data.known} services were searched. Choose a service to
          search the others.
        </p>
      )}
      {traces.length === 0 ? (
        <NoneFound query={query} go={go} />
      ) : (
        <>
          <Scatter traces={traces} hovered={hovered} onHover={setHovered} />
          <TraceList traces={traces} nowMs={nowMs} hovered={hovered} onHover={setHovered} />
        </>
      )}
    </section>
  );
}

function headline(found: Found, query: Query): string {
  const n = found.traces.length;
  return n >= Number(query.limit) ? `Newest ${plural(n, "trace")}` : plural(n, "trace");
}

// How much has come in since these results were made. A list that moved by itself could not be clicked.
function NewSpans({ answer, refresh }: { answer: Found; refresh: () => void }) {
  const { status } = useStatus();
  const received = status?.received.spans;
  const [base, setBase] = useState(received);
  useEffect(() => setBase(received), [answer]);
  useEffect(() => {
    if (base === undefined) setBase(received);
  }, [received]);
  const fresh = received !== undefined && base !== undefined ? received - base : 0;
  return (
    <button
      type="button"
      class={fresh > 0 ? "button small fresh" : "button small"}
      onClick={refresh}
      title="Search again"
    >
      <RefreshIcon />
      {fresh > 0 ? `${shortCount(fresh)} new ${fresh === 1 ? "span" : "spans"}` : "Refresh"}
    </button>
  );
}

function NoneFound({ query, go }: { query: Query; go: (query: Query) => void }) {
  const filtered = query.operation + query.tags + query.minDuration + query.maxDuration !== "";
  return (
    <div class="message small">
      <h2>No trace matches</h2>
      <p>
        {filtered
          ? "Attributes match whole values of any one span of a trace. Try fewer conditions or more time."
          : "Nothing was recorded in this time."}
      </p>
      <p class="actions">
        {query.lookback !== "7d" && (
          <button
            type="button"
            class="button"
            onClick={() => go({ ...query, lookback: "7d", start: "", end: "" })}
          >
            Look back 7 days
          </button>
        )}
        {filtered && (
          <button
            type="button"
            class="button"
            onClick={() =>
              go({
                ...DEFAULTS,
                service: query.service,
                lookback: query.lookback,
                start: query.start,
                end: query.end,
              })
            }
          >
            Without the conditions
          </button>
        )}
      </p>
    </div>
  );
}

function Unreachable({ error, retry }: { error: ApiError; retry: () => void }) {
  const live = useStatus();
  useEffect(() => {
    if (error.status === 0 && live.state === "online") retry(); // it is back
  }, [live.state]);
  return (
    <div class="message" role="alert">
      <h1>{error.status === 0 ? "The server does not answer" : "The search failed"}</h1>
      <p>{error.message}</p>
      <p>
        {error.status === 0
          ? "Is cryostorm still running? This page goes on trying and comes back by itself."
          : "If it happens again, the server’s own output says more."}
      </p>
      <button type="button" class="button primary" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

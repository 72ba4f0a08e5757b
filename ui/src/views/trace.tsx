// One trace: loading it, and what to say when it is not there.
import { useEffect, useMemo } from "preact/hooks";
import type { ApiError } from "../api/http";
import { fetchTrace } from "../api/jaeger";
import { useStatus } from "../api/status";
import { buildTrace } from "../model/trace";
import { dateTime } from "../model/units";
import { TracePage } from "../parts/trace-page";
import { useLoad } from "../use-load";
import { useTitle } from "../use-title";

export function TraceView({ id, params }: { id: string; params: URLSearchParams }) {
  const loaded = useLoad(id, (signal) => fetchTrace(id, signal));
  const trace = useMemo(() => (loaded.data ? buildTrace(loaded.data) : null), [loaded.data]);
  useTitle(trace ? `${trace.root.service}: ${trace.root.name}` : `Trace ${id.slice(0, 8)}`);
  if (trace)
    return (
      <TracePage
        trace={trace}
        params={params}
        reload={loaded.reload}
        loading={loaded.loading}
        problem={loaded.error?.message}
      />
    );
  if (loaded.error) return <Failed error={loaded.error as ApiError} retry={loaded.reload} />;
  if (loaded.loading) return <p class="loading">Loading the trace …</p>;
  return <Missing id={id} retry={loaded.reload} />;
}

function Missing({ id, retry }: { id: string; retry: () => void }) {
  const { status } = useStatus();
  const oldest = status?.stored.oldest_unix_ms;
  return (
    <section class="message">
      <h1>No such trace here</h1>
      <p>
        Nothing is stored under <code>{id}</code>. It may still be on its way: programs send their
        spans a few seconds after they end, and only the sampled ones.
      </p>
      {oldest != null && <p>Or it is too old: the store goes back to {dateTime(oldest)}.</p>}
      <p class="actions">
        <button type="button" class="button primary" onClick={retry}>
          Look again
        </button>
        <a class="button" href="/search">
          Search for traces
        </a>
      </p>
    </section>
  );
}

function Failed({ error, retry }: { error: ApiError; retry: () => void }) {
  const live = useStatus();
  useEffect(() => {
    if (error.status === 0 && live.state === "online") retry(); // it is back
  }, [live.state]);
  return (
    <section class="message" role="alert">
      <h1>The trace could not be loaded</h1>
      <p>{error.message}</p>
      <button type="button" class="button primary" onClick={retry}>
        Try again
      </button>
    </section>
  );
}

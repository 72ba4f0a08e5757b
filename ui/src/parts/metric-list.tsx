// Which metrics there are, with a first question about each: where somebody starts who does not know the names.
import { useMemo, useState } from "preact/hooks";
import type { MetricInfo } from "../api/prometheus";
import { families, filterFamilies, metricsToUrl, type MetricsState } from "../model/metrics";
import { plural } from "../model/units";
import { SearchIcon } from "./icons";

interface Props {
  state: MetricsState;
  names: readonly string[];
  known: Record<string, MetricInfo[]>;
}

const SHOWN_MAX = 300;

export function MetricList({ state, names, known }: Props) {
  const [typed, setTyped] = useState("");
  const all = useMemo(() => families(names, known), [names, known]);
  const shown = filterFamilies(all, typed);
  return (
    <section class="panel metric-list" aria-label="Metrics">
      <header>
        <h2>{plural(all.length, "metric")}</h2>
        {state.service !== "" && (
          <span class="chip">
            <span class="chip-name">of {state.service}</span>
            <a
              href={metricsToUrl({ ...state, service: "" })}
              aria-label="Of all services"
              title="Of all services"
            >
              ×
            </a>
          </span>
        )}
        <label class="find">
          <SearchIcon />
          <input
            type="search"
            aria-label="Find a metric"
            placeholder="Find a metric"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      </header>
      <ul>
        {shown.slice(0, SHOWN_MAX).map((family) => (
          <li key={family.name}>
            <a href={metricsToUrl({ ...state, query: family.start })} title={family.start}>
              <span class="m-name mono">{family.name}</span>
              <span class={`m-type ${family.type}`}>{family.type}</span>
              <span class="m-help">
                {family.help}
                {family.unit !== "" && <span class="muted"> ({family.unit})</span>}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {shown.length === 0 && (
        <p class="none muted">
          {all.length > 0
            ? "No metric’s name or description has that."
            : "Nothing was measured in this time. SDKs send their metrics once a minute; look at more time, or at all services."}
        </p>
      )}
      {shown.length > SHOWN_MAX && (
        <p class="none muted">
          {plural(shown.length - SHOWN_MAX, "further metric")}: type part of a name.
        </p>
      )}
    </section>
  );
}

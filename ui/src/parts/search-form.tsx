// What to look for. Choosing from a list searches at once; typing searches on Enter or with the button.
import { useEffect, useState } from "preact/hooks";
import { fetchOperations } from "../api/jaeger";
import { LOOKBACKS, problems, rangeOf, type Query } from "../model/query";
import { useLoad } from "../use-load";
import { Choice, Field, Moment } from "./field";

interface Props {
  query: Query; // what the address says
  services: string[];
  onSearch: (query: Query) => void;
}

export function SearchForm({ query, services, onSearch }: Props) {
  const [draft, setDraft] = useState(query);
  const [tried, setTried] = useState(false); // complaints wait until somebody presses the button
  const [more, setMore] = useState(false); // on a small screen: all fields
  useEffect(() => setDraft(query), [query]);
  const operations = useLoad(draft.service === "" ? null : draft.service, (signal) =>
    fetchOperations(draft.service, signal),
  );
  const wrong = tried ? problems(draft) : {};
  const change = (part: Partial<Query>) => setDraft({ ...draft, ...part });
  const submit = (part: Partial<Query> = {}) => {
    const next = { ...draft, ...part };
    setDraft(next);
    setTried(true);
    if (Object.keys(problems(next)).length === 0) onSearch(next);
  };
  const text = (
    key: "tags" | "minDuration" | "maxDuration" | "limit",
    name: string,
    hint: string,
  ) => (
    <Field name={name} class={`f-${key}`} problem={wrong[key]}>
      <input
        type="text"
        name={key}
        value={draft[key]}
        placeholder={hint}
        spellcheck={false}
        autocomplete="off"
        inputMode={key === "limit" ? "numeric" : "text"}
        aria-invalid={wrong[key] !== undefined}
        onInput={(event) => change({ [key]: event.currentTarget.value })}
      />
    </Field>
  );
  return (
    <form
      class={more ? "search-form more" : "search-form"}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field name="Service" class="f-service">
        <Choice
          name="service"
          value={draft.service}
          options={[["", "All services"], ...listed(services, draft.service)]}
          onChoose={(service) => submit({ service, operation: "" })}
        />
      </Field>
      <Field name="Operation" class="f-operation">
        <Choice
          name="operation"
          value={draft.operation}
          disabled={draft.service === ""}
          options={[
            ["", draft.service === "" ? "Choose a service first" : "All operations"],
            ...listed(operations.key === draft.service ? operations.data! : [], draft.operation),
          ]}
          onChoose={(operation) => submit({ operation })}
        />
      </Field>
      {text("tags", "Attributes", "http.response.status_code=500 error=true")}
      {text("minDuration", "Longer than", "100ms")}
      {text("maxDuration", "Shorter than", "1.5s")}
      <Field name="Time" class="f-lookback">
        <Choice
          name="lookback"
          value={draft.lookback}
          options={
            LOOKBACKS.some(([value]) => value === draft.lookback)
              ? LOOKBACKS
              : [...LOOKBACKS, [draft.lookback, `Last ${draft.lookback}`]]
          }
          onChoose={(lookback) =>
            lookback === "custom"
              ? change({ lookback, ...startOfRange(draft) })
              : submit({ lookback })
          }
        />
      </Field>
      {text("limit", "Limit", "20")}
      <button
        class="button f-more"
        type="button"
        aria-expanded={more}
        onClick={() => setMore(!more)}
      >
        {more ? "Fewer conditions" : "More conditions"}
      </button>
      <button class="button primary f-submit" type="submit">
        Find traces
      </button>
      {draft.lookback === "custom" && (
        <div class="f-range">
          <Moment
            name="From"
            problem={wrong.start}
            value={draft.start}
            onChange={(start) => change({ start })}
          />
          <Moment
            name="To"
            problem={wrong.end}
            value={draft.end}
            onChange={(end) => change({ end })}
          />
        </div>
      )}
    </form>
  );
}

// The range that was looked at so far, to be narrowed; not two empty fields.
function startOfRange(draft: Query): Partial<Query> {
  const { start, end } = rangeOf(
    draft.lookback === "custom" ? { ...draft, lookback: "1h" } : draft,
    Date.now(),
  );
  return { start: String(start), end: String(end) };
}

// A value that the server does not list (any more) is still what the address asks for: keep it visible.
function listed(names: string[], chosen: string): [string, string][] {
  const all = chosen === "" || names.includes(chosen) ? names : [chosen, ...names];
  return all.map((name) => [name, name]);
}

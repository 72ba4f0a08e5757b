// What to look for in logs: fields that write LogQL, and the LogQL itself for what they cannot say.
import { useEffect, useId, useState } from "preact/hooks";
import { logLabels, logLabelValues } from "../api/loki";
import {
  isEveryService,
  OPS,
  readLogql,
  serviceOf,
  textOf,
  withService,
  withText,
  writeLogql,
  type Matcher,
  type Op,
  type Parts,
} from "../model/logql";
import { LEAST, LIMITS, type LogsState } from "../model/logs";
import type { Context, Suggestion } from "../model/query-context";
import type { Span, TimeRange } from "../model/time-range";
import { useLoad } from "../use-load";
import { Choice, Field } from "./field";
import { CloseIcon } from "./icons";
import { QueryInput } from "./query-input";
import { TimePicker } from "./time-picker";

interface Props {
  state: LogsState;
  span: Span;
  services: readonly string[];
  loading: boolean;
  go: (part: Partial<LogsState>) => void;
  onRange: (range: TimeRange) => void;
  refresh: () => void;
}

export function LogForm({ state, span, services, loading, go, onRange, refresh }: Props) {
  const [draft, setDraft] = useState(state.query);
  useEffect(() => setDraft(state.query), [state.query]);
  const parts = readLogql(state.query);
  const submit = (query: string) => go({ query: query.trim(), line: "" });
  return (
    <div class="query-form panel log-form">
      {parts ? (
        <Fields
          parts={parts}
          span={span}
          services={services}
          onDraft={(next) => setDraft(writeLogql(next))}
          onChange={(next) => submit(writeLogql(next))}
        />
      ) : (
        <p class="muted beyond">
          This query says more than the fields can show.{" "}
          <button type="button" class="as-link" onClick={() => submit("")}>
            Begin anew
          </button>
        </p>
      )}
      <form
        class="query-line"
        onSubmit={(event) => {
          event.preventDefault();
          submit(draft);
        }}
      >
        <QueryInput
          value={draft}
          label="Query in LogQL"
          placeholder="LogQL"
          suggest={(context) => suggestionsFor(context, span)}
          onInput={setDraft}
          onSubmit={submit}
        />
        <button class="button primary" type="submit">
          Run
        </button>
      </form>
      <div class="query-tools">
        <label class="step">
          <span>Lines</span>
          <Choice
            name="limit"
            value={state.limit}
            options={LIMITS.map((n) => [n, n] as const)}
            onChoose={(limit) => go({ limit })}
          />
        </label>
        <button
          type="button"
          class="button toggle"
          aria-pressed={state.wrap}
          onClick={() => go({ wrap: !state.wrap })}
        >
          Wrap lines
        </button>
        <TimePicker range={state.range} loading={loading} onChange={onRange} onRefresh={refresh} />
      </div>
    </div>
  );
}

async function suggestionsFor(context: Context, span: Span): Promise<readonly Suggestion[]> {
  const plain = (list: string[]) => list.map((text) => ({ text }));
  if (context.kind === "label") return plain(await logLabels(span));
  if (context.kind === "value") return plain(await logLabelValues(context.label, span));
  if (context.kind === "range") return ["1m", "5m", "15m", "1h"].map((text) => ({ text }));
  if (context.kind !== "name") return [];
  return ["count_over_time", "rate", "bytes_rate", "bytes_over_time", "sum by ", "topk"].map(
    (name) => ({ text: `${name}(`, label: name.trim() }),
  );
}

interface FieldsProps {
  parts: Parts;
  span: Span;
  services: readonly string[];
  onDraft: (parts: Parts) => void; // being typed
  onChange: (parts: Parts) => void;
}

function Fields({ parts, span, services, onDraft, onChange }: FieldsProps) {
  const [text, setText] = useState(textOf(parts));
  useEffect(() => setText(textOf(parts)), [textOf(parts)]);
  const [adding, setAdding] = useState(false);
  const service = serviceOf(parts);
  const chosen = (m: Matcher) =>
    !isEveryService(m) && !(m.label === "service_name" && m.op === "=");
  const drop = (key: "matchers" | "labels" | "lines", item: unknown) =>
    onChange({ ...parts, [key]: (parts[key] as unknown[]).filter((other) => other !== item) });
  const plain = parts.lines.find((line) => line.op === "|=");
  return (
    <form
      class="log-fields"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(withText(parts, text));
      }}
    >
      <Field name="Service">
        <Choice
          name="service"
          value={service}
          options={[["", "All services"], ...services.map((name) => [name, name] as const)]}
          onChoose={(name) => onChange(withService(withText(parts, text), name))}
        />
      </Field>
      <Field name="Level">
        <Choice
          name="least"
          value={String(parts.least)}
          options={LEAST}
          onChoose={(least) => onChange({ ...withText(parts, text), least: Number(least) })}
        />
      </Field>
      <Field name="Text" class="log-text">
        <input
          type="search"
          name="text"
          value={text}
          placeholder="Contains, upper and lower case as typed"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => {
            setText(event.currentTarget.value);
            onDraft(withText(parts, event.currentTarget.value));
          }}
        />
      </Field>
      <button
        type="button"
        class="button add-label"
        aria-expanded={adding}
        onClick={() => setAdding(!adding)}
      >
        + Label
      </button>
      <div class="conditions">
        {parts.matchers.filter(chosen).map((m) => (
          <Condition
            key={key(m)}
            text={`${m.label} ${m.op} ${m.value}`}
            onDrop={() => drop("matchers", m)}
          />
        ))}
        {parts.lines
          .filter((line) => line !== plain)
          .map((line) => (
            <Condition
              key={line.op + line.text}
              text={`line ${line.op} ${line.text}`}
              onDrop={() => drop("lines", line)}
            />
          ))}
        {parts.labels.map((m) => (
          <Condition
            key={key(m)}
            text={`${m.label} ${m.op} ${m.value}`}
            onDrop={() => drop("labels", m)}
          />
        ))}
      </div>
      {adding && (
        <NewMatcher
          span={span}
          onAdd={(matcher) => onChange({ ...parts, matchers: [...parts.matchers, matcher] })}
        />
      )}
    </form>
  );
}

const key = (m: Matcher) => m.label + m.op + m.value;

function Condition({ text, onDrop }: { text: string; onDrop: () => void }) {
  return (
    <span class="chip condition">
      <span class="chip-name mono">{text}</span>
      <button
        type="button"
        class="icon-button tiny"
        onClick={onDrop}
        title="Without it"
        aria-label={`Without ${text}`}
      >
        <CloseIcon />
      </button>
    </span>
  );
}

// A label, how it compares, and a value: those that occur are offered, a pattern may be typed.
function NewMatcher({ span, onAdd }: { span: Span; onAdd: (matcher: Matcher) => void }) {
  const id = useId();
  const [label, setLabel] = useState("");
  const [op, setOp] = useState<Op>("=");
  const [value, setValue] = useState("");
  const labels = useLoad("labels", (signal) => logLabels(span, signal));
  const values = useLoad(label === "" ? null : label, (signal) =>
    logLabelValues(label, span, signal),
  );
  const add = () => label !== "" && value !== "" && onAdd({ label, op, value });
  return (
    <div class="new-matcher" role="group" aria-label="New condition">
      <Choice
        name="label"
        label="Label"
        value={label}
        options={[
          ["", "Choose a label"],
          ...(labels.data ?? []).map((name) => [name, name] as const),
        ]}
        onChoose={setLabel}
      />
      <Choice
        name="op"
        label="Comparison"
        value={op}
        options={OPS.map((name) => [name, name] as const)}
        onChoose={(name) => setOp(name as Op)}
      />
      <input
        type="text"
        name="value"
        aria-label="Value"
        list={id}
        value={value}
        placeholder={label === "" ? "" : "Its value"}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setValue(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          add();
        }}
      />
      <datalist id={id}>
        {(values.key === label ? (values.data ?? []) : []).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <button type="button" class="button" disabled={label === "" || value === ""} onClick={add}>
        Add
      </button>
    </div>
  );
}

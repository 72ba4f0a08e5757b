// Which time a view looks at, with a button to ask again and a switch to be asked again by itself.
import { useEffect, useState } from "preact/hooks";
import {
  fixedRange,
  rangeProblem,
  RANGES,
  resolveRange,
  type TimeRange,
} from "../model/time-range";
import { Choice, Moment } from "./field";
import { RefreshIcon } from "./icons";

interface Props {
  range: TimeRange;
  loading: boolean;
  onChange: (range: TimeRange) => void;
  onRefresh: () => void;
}

export function TimePicker({ range, loading, onChange, onRefresh }: Props) {
  const [draft, setDraft] = useState(range);
  useEffect(() => setDraft(range), [JSON.stringify(range)]);
  const custom = draft.range === "custom";
  const problem = rangeProblem(draft);
  const choose = (chosen: string) => {
    if (chosen === "custom") setDraft(fixedRange(resolveRange(range, Date.now())));
    else onChange({ range: chosen, from: "", to: "", live: range.live });
  };
  const known = RANGES.some(([value]) => value === draft.range);
  return (
    <div class="time-picker" role="group" aria-label="Time">
      <Choice
        name="range"
        label="Time"
        value={draft.range}
        options={known ? RANGES : [[draft.range, `Last ${draft.range}`], ...RANGES]}
        onChoose={choose}
      />
      <button
        type="button"
        class={loading ? "icon-button boxed spinning" : "icon-button boxed"}
        onClick={onRefresh}
        title="Ask again"
        aria-label="Ask again"
      >
        <RefreshIcon />
      </button>
      <button
        type="button"
        class="button live-toggle"
        aria-pressed={range.live}
        disabled={custom}
        title="Ask again every five seconds"
        onClick={() => onChange({ ...range, live: !range.live })}
      >
        <i class={range.live ? "pulse online moving" : "pulse"} /> Live
      </button>
      {custom && (
        <form
          class="f-range"
          onSubmit={(event) => {
            event.preventDefault();
            if (!problem) onChange(draft);
          }}
        >
          <Moment
            name="From"
            value={microseconds(draft.from)}
            problem={undefined}
            onChange={(us) => setDraft({ ...draft, from: milliseconds(us) })}
          />
          <Moment
            name="To"
            value={microseconds(draft.to)}
            problem={problem ?? undefined}
            onChange={(us) => setDraft({ ...draft, to: milliseconds(us) })}
          />
          <button class="button" type="submit" disabled={problem !== null}>
            Look
          </button>
        </form>
      )}
    </div>
  );
}

const microseconds = (ms: string) => (ms === "" ? "" : String(Number(ms) * 1000));
const milliseconds = (us: string) => (us === "" ? "" : String(Number(us) / 1000));

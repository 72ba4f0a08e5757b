import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import type { Trace } from "../model/trace";
import { ChevronIcon, CollapseIcon, ExpandIcon, SearchIcon } from "./icons";
import { ServiceChip } from "./service";

interface Props {
  trace: Trace;
  text: string;
  matches: readonly number[];
  active: number;
  findBox: RefObject<HTMLInputElement | null>;
  onText: (text: string) => void;
  onStep: (by: 1 | -1) => void;
  onCollapseAll: () => void;
  onExpandAll: () => void;
  canExpand: boolean;
}

const KEYS: readonly [string, string][] = [
  ["↑ ↓", "previous, next span"],
  ["← →", "collapse, expand; to the parent, to the first child"],
  ["Enter", "details"],
  ["Esc", "close the details"],
  ["/", "find in this trace"],
  ["n  N", "next, previous match"],
];

export function TraceTools(props: Props) {
  const { trace, text, matches } = props;
  const at = matches.indexOf(props.active);
  return (
    <div class="trace-tools">
      <div class="find">
        <SearchIcon />
        <input
          ref={props.findBox}
          type="search"
          value={text}
          placeholder="Find in this trace"
          aria-label="Find in this trace: names, attributes, events, ids"
          spellcheck={false}
          onInput={(event) => props.onText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") props.onStep(event.shiftKey ? -1 : 1);
            else if (event.key === "Escape") {
              props.onText("");
              event.currentTarget.blur();
            }
          }}
        />
        {text.trim() !== "" && (
          <>
            <span
              class={matches.length === 0 ? "find-count none num" : "find-count num"}
              role="status"
            >
              {at >= 0 ? `${at + 1}/${matches.length}` : matches.length}
            </span>
            <button
              type="button"
              class="icon-button tiny up"
              disabled={matches.length === 0}
              onClick={() => props.onStep(-1)}
              aria-label="Previous match"
              title="Previous match (N)"
            >
              <ChevronIcon />
            </button>
            <button
              type="button"
              class="icon-button tiny down"
              disabled={matches.length === 0}
              onClick={() => props.onStep(1)}
              aria-label="Next match"
              title="Next match (n)"
            >
              <ChevronIcon />
            </button>
          </>
        )}
      </div>
      <div class="legend" aria-label="Services in this trace">
        {trace.services.map((s) => (
          <ServiceChip key={s.name} service={s.name} spans={s.spans} errors={s.errors} />
        ))}
      </div>
      <span class="tool-buttons">
        <Keys />
        <button
          type="button"
          class="icon-button"
          onClick={props.onExpandAll}
          disabled={!props.canExpand}
          title="Expand all"
          aria-label="Expand all"
        >
          <ExpandIcon />
        </button>
        <button
          type="button"
          class="icon-button"
          onClick={props.onCollapseAll}
          title="Collapse all"
          aria-label="Collapse all"
        >
          <CollapseIcon />
        </button>
      </span>
    </div>
  );
}

function Keys() {
  const [open, setOpen] = useState(false);
  return (
    <span class="keys">
      <button
        type="button"
        class="icon-button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        onBlur={() => setOpen(false)}
        title="Keys"
        aria-label="Keys"
      >
        <kbd>?</kbd>
      </button>
      {open && (
        <dl class="keys-panel">
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                {key.split(/\s+/).map((k) => (
                  <kbd key={k}>{k}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
          <div>
            <dt>
              <i class="critical" />
            </dt>
            <dd>the critical path: what the whole trace waited for</dd>
          </div>
          <div>
            <dt>
              <i class="mark" /> <i class="mark exception" />
            </dt>
            <dd>an event, an exception</dd>
          </div>
        </dl>
      )}
    </span>
  );
}

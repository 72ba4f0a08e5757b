// A trace on the screen: what is selected, collapsed, looked for and zoomed into lives here; the parts below
// draw it. The selected span and the search are in the address, so that a link shows what its sender saw.
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { criticalPath } from "../model/critical-path";
import { findSpans, visibleRows, type Span, type Trace } from "../model/trace";
import { navigate } from "../router";
import { Minimap, type Range } from "./minimap";
import { SpanDetails } from "./span-details";
import { TraceHead } from "./trace-head";
import { TraceTools } from "./trace-tools";
import { Waterfall } from "./waterfall";

const ADDRESS_MS = 200; // browsers count how often the address is rewritten, and an arrow key repeats

interface Props {
  trace: Trace;
  params: URLSearchParams;
  reload: () => void;
  loading: boolean;
  problem: string | undefined; // what went wrong when it was loaded again
}

export function TracePage({ trace, params, reload, loading, problem }: Props) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const [active, setActive] = useState(() => indexOf(trace, params.get("span")) ?? -1);
  const [open, setOpen] = useState(active >= 0);
  const [text, setText] = useState(params.get("find") ?? params.get("uiFind") ?? "");
  const whole = useMemo<Range>(() => ({ from: 0, to: Math.max(1, trace.duration) }), [trace]);
  const [zoom, setZoom] = useState<Range | null>(null);
  const rows = useMemo(() => visibleRows(trace.spans, collapsed), [trace, collapsed]);
  const matches = useMemo(() => findSpans(trace.spans, text), [trace, text]);
  const critical = useMemo(() => criticalPath(trace.spans, 0), [trace]);
  const findBox = useRef<HTMLInputElement>(null);

  const path = useRef(location.pathname).current;
  useEffect(() => {
    const timer = setTimeout(() => {
      // After "back", the address is another view's a moment before this one is taken off the screen.
      if (location.pathname !== path) return;
      navigate(path + stateOf(trace, open ? active : -1, text), "replace");
    }, ADDRESS_MS);
    return () => clearTimeout(timer);
  }, [trace, active, open, text]);

  const select = useCallback(
    (index: number, details: "details" | "row" = "details") => {
      setCollapsed((old) => withoutAncestors(trace.spans, old, index));
      setActive(index);
      if (details === "details") setOpen(true);
    },
    [trace],
  );
  const linked = params.get("span"); // a link from one span of this trace to another
  useEffect(() => {
    const index = indexOf(trace, linked);
    if (index !== undefined && index !== active) select(index);
  }, [linked]);
  const toggle = useCallback((index: number) => setCollapsed((old) => toggled(old, index)), []);
  const step = (by: 1 | -1) => {
    if (matches.length === 0) return;
    const at =
      by > 0 ? matches.findIndex((i) => i > active) : matches.findLastIndex((i) => i < active);
    select(matches[at >= 0 ? at : by > 0 ? 0 : matches.length - 1]!, "row");
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest("input, textarea, select") !== null;
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") findBox.current?.focus();
      else if (event.key === "n") step(1);
      else if (event.key === "N") step(-1);
      else if (event.key === "Escape") setOpen(false);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const span = open ? trace.spans[active] : undefined;
  return (
    <div class="trace-page">
      <TraceHead trace={trace} reload={reload} loading={loading} problem={problem} />
      <Minimap trace={trace} whole={whole} zoom={zoom} onZoom={setZoom} />
      <TraceTools
        trace={trace}
        text={text}
        matches={matches}
        active={active}
        findBox={findBox}
        onText={setText}
        onStep={step}
        onCollapseAll={() =>
          setCollapsed(
            new Set(
              trace.spans.filter((s) => s.children.length > 0 && s.depth > 0).map((s) => s.index),
            ),
          )
        }
        onExpandAll={() => setCollapsed(new Set())}
        canExpand={collapsed.size > 0}
      />
      <div class={span ? "trace-body with-details" : "trace-body"}>
        <Waterfall
          spans={trace.spans}
          rows={rows}
          range={zoom ?? whole}
          zoomed={zoom !== null}
          active={active}
          collapsed={collapsed}
          matches={useMemo(() => new Set(matches), [matches])}
          critical={critical}
          onActive={(index) => select(index, "row")}
          onOpen={select}
          onToggle={toggle}
        />
        {span && (
          <SpanDetails trace={trace} span={span} onSelect={select} onClose={() => setOpen(false)} />
        )}
      </div>
    </div>
  );
}

function stateOf(trace: Trace, selected: number, text: string): string {
  const params = new URLSearchParams();
  if (selected >= 0) params.set("span", trace.spans[selected]!.id);
  if (text.trim() !== "") params.set("find", text.trim());
  const query = params.toString();
  return query === "" ? "" : `?${query}`;
}

function indexOf(trace: Trace, id: string | null): number | undefined {
  return id === null ? undefined : trace.spans.find((s) => s.id === id.toLowerCase())?.index;
}

function toggled(set: ReadonlySet<number>, index: number): Set<number> {
  const next = new Set(set);
  if (!next.delete(index)) next.add(index);
  return next;
}

// A span that is selected has to be seen: whatever hides it opens.
function withoutAncestors(
  spans: readonly Span[],
  collapsed: ReadonlySet<number>,
  index: number,
): ReadonlySet<number> {
  const next = new Set(collapsed);
  for (let i = spans[index]!.parent; i >= 0; i = spans[i]!.parent) next.delete(i);
  return next.size === collapsed.size ? collapsed : next;
}

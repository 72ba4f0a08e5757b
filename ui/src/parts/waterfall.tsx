// The tree of spans beside their bars. Only the rows in sight exist in the document: ten thousand spans
// scroll as three do. The keyboard walks it as a tree (WAI-ARIA): the container has the focus and names the
// active row.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Stretch } from "../model/critical-path";
import type { Span } from "../model/trace";
import { duration, ticks } from "../model/units";
import type { Range } from "./minimap";
import { SpanRow } from "./span-row";

const ROW_PX = 28;
const RULER_PX = 28;
const SPARE_ROWS = 8; // above and below, so that a fast flick shows no gaps
const LABEL_PX = 110; // room a ruler label wants

interface Props {
  spans: readonly Span[];
  rows: readonly Span[]; // those not hidden by a collapsed one
  range: Range;
  zoomed: boolean; // the range is not the whole trace
  active: number; // index, or -1
  collapsed: ReadonlySet<number>;
  matches: ReadonlySet<number>;
  critical: ReadonlyMap<number, readonly Stretch[]>;
  onActive: (index: number) => void;
  onOpen: (index: number) => void;
  onToggle: (index: number) => void;
}

export function Waterfall(props: Props) {
  const { rows, range, active } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const at = rows.findIndex((s) => s.index === active);

  useEffect(() => {
    if (at >= 0) reveal(scroller.current!, at);
  }, [active]);
  useEffect(() => {
    const begins = rows.findIndex((s) => s.start >= range.from && s.start <= range.to);
    // Without this, a stretch in the middle of a long trace would look empty.
    if (props.zoomed && begins >= 0) scroller.current!.scrollTop = begins * ROW_PX;
  }, [range]);

  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE_ROWS);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW_PX) + SPARE_ROWS);
  const marks = ticks(range.from, range.to, Math.max(2, Math.floor(view.timeline / LABEL_PX)));
  const percent = (t: number) => `${((t - range.from) / (range.to - range.from)) * 100}%`;
  return (
    <div class="waterfall">
      <div
        class="scroller"
        ref={scroller}
        role="tree"
        tabIndex={0}
        aria-label="Spans"
        aria-activedescendant={at >= 0 ? `span-${active}` : undefined}
        onKeyDown={(event) =>
          onKey(
            event,
            props,
            at >= 0 ? at : Math.ceil(view.top / ROW_PX) - 1,
            Math.floor(view.height / ROW_PX),
          )
        }
      >
        <div class="ruler" aria-hidden="true">
          <span class="ruler-name">Span</span>
          <span class="ruler-time">
            {marks.map((t) => (
              <span key={t} class="ruler-label num" style={{ left: percent(t) }}>
                {duration(t)}
              </span>
            ))}
          </span>
        </div>
        <div class="rows" style={{ height: `${rows.length * ROW_PX}px` }}>
          <div class="grid-lines" aria-hidden="true">
            {marks.map((t) => (
              <i key={t} style={{ left: percent(t) }} />
            ))}
          </div>
          {rows.slice(first, last).map((span, i) => (
            <SpanRow
              key={span.index}
              span={span}
              parent={props.spans[span.parent]}
              top={`${(first + i) * ROW_PX}px`}
              range={range}
              active={span.index === active}
              collapsed={props.collapsed.has(span.index)}
              matched={props.matches.has(span.index)}
              critical={props.critical.get(span.index) ?? NONE}
              onOpen={props.onOpen}
              onToggle={props.onToggle}
            />
          ))}
        </div>
      </div>
      <Hairline range={range} />
      <Splitter />
    </div>
  );
}

const NONE: readonly Stretch[] = [];

// Where the scroller stands, as often as the screen is drawn and no more.
function useView(scroller: { current: HTMLDivElement | null }) {
  const [view, setView] = useState({ top: 0, height: 800, timeline: 700 });
  useLayoutEffect(() => {
    const element = scroller.current!;
    let frame = 0;
    const read = () => {
      frame = 0;
      const timeline = element.querySelector(".ruler-time")!.clientWidth;
      setView({ top: element.scrollTop, height: element.clientHeight, timeline });
    };
    const later = () => (frame ||= requestAnimationFrame(read));
    element.addEventListener("scroll", later, { passive: true });
    const observer = new ResizeObserver(later);
    observer.observe(element);
    read();
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", later);
      observer.disconnect();
    };
  }, []);
  return view;
}

function reveal(scroller: HTMLDivElement, row: number): void {
  const top = row * ROW_PX;
  const below = top + ROW_PX + RULER_PX - scroller.clientHeight;
  if (scroller.scrollTop > top) scroller.scrollTop = top;
  else if (scroller.scrollTop < below) scroller.scrollTop = below + ROW_PX;
}

// `at` is the active row; where none is, the one above the first in sight.
function onKey(event: KeyboardEvent, props: Props, at: number, page: number): void {
  const { rows, collapsed, onActive, onOpen, onToggle } = props;
  const span = rows[at];
  const move = (to: number) => onActive(rows[Math.min(rows.length - 1, Math.max(0, to))]!.index);
  const isOpen = span !== undefined && span.children.length > 0 && !collapsed.has(span.index);
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(at + 1),
    ArrowUp: () => move(at - 1),
    j: () => move(at + 1),
    k: () => move(at - 1),
    PageDown: () => move(at + page),
    PageUp: () => move(at - page),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    ArrowLeft: () =>
      span && (isOpen ? onToggle(span.index) : span.parent >= 0 && onActive(span.parent)),
    ArrowRight: () =>
      span &&
      (isOpen ? onActive(span.children[0]!) : span.children.length > 0 && onToggle(span.index)),
    Enter: () => span && onOpen(span.index),
    " ": () => span && onOpen(span.index),
  };
  const action = keys[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
}

// The time under the pointer. Moved by hand, past Preact: it follows every pixel.
function Hairline({ range }: { range: Range }) {
  const line = useRef<HTMLDivElement>(null);
  const label = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const [hair, time] = [line.current!, label.current!]; // the refs are emptied before clean-up
    const box = hair.parentElement!;
    const timeline = box.querySelector<HTMLElement>(".ruler-time")!;
    const move = (event: PointerEvent) => {
      const area = timeline.getBoundingClientRect();
      const part = (event.clientX - area.left) / area.width;
      const shown = part >= 0 && part <= 1 && event.pointerType === "mouse";
      hair.style.display = shown ? "block" : "none";
      hair.style.transform = `translateX(${event.clientX - box.getBoundingClientRect().left}px)`;
      time.className = part > 0.85 ? "num left" : "num";
      time.textContent = duration(Math.max(0, range.from + part * (range.to - range.from)));
    };
    const leave = () => (hair.style.display = "none");
    const observer = new ResizeObserver(leave); // under a resting pointer is another time now
    observer.observe(timeline);
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerleave", leave);
    return () => {
      observer.disconnect();
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerleave", leave);
    };
  }, [range]);
  return (
    <div class="hairline" ref={line} aria-hidden="true">
      <span ref={label} />
    </div>
  );
}

// Between names and bars. Dragged, or moved with the arrow keys.
function Splitter() {
  const handle = useRef<HTMLDivElement>(null);
  const set = useCallback((px: number) => {
    const box = handle.current!.parentElement!;
    const width = Math.min(Math.max(px, 120), box.clientWidth - 120);
    box.style.setProperty("--name-width", `${width}px`);
  }, []);
  const now = () => handle.current!.offsetLeft;
  return (
    <div
      class="splitter"
      ref={handle}
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the names"
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.buttons & 1)
          set(event.clientX - event.currentTarget.parentElement!.getBoundingClientRect().left);
      }}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") set(now() - 24);
        if (event.key === "ArrowRight") set(now() + 24);
      }}
    />
  );
}

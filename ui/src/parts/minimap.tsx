// The whole trace in the height of three lines, and the stretch of it that the waterfall shows. Drag over a
// stretch to zoom into it, drag inside the window to move it, double-click to see everything again.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { serviceColour } from "../model/colour";
import type { Span, Trace } from "../model/trace";
import { duration, ticks } from "../model/units";
import { cssColour, useTheme } from "../theme";
import { CloseIcon } from "./icons";

export interface Range {
  from: number; // microseconds after the trace's start
  to: number;
}

interface Props {
  trace: Trace;
  whole: Range;
  zoom: Range | null;
  onZoom: (zoom: Range | null) => void;
}

const SMALLEST = 0.001; // of the whole: a stretch narrower than this was a click

export function Minimap({ trace, whole, zoom, onZoom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [width, setWidth] = useState(0);
  const drag = useRef<{ from: number; moving: Range | null } | null>(null);

  useLayoutEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width > 0) draw(canvas.current!, trace, whole);
  }, [trace, whole, width, theme]);

  const timeAt = (event: PointerEvent): number => {
    const box = canvas.current!.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return whole.from + part * (whole.to - whole.from);
  };
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const at = timeAt(event);
    const inside = zoom !== null && at > zoom.from && at < zoom.to;
    drag.current = { from: at, moving: inside ? zoom : null };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };
  const onMove = (event: PointerEvent) => {
    if (!drag.current) return;
    const { from, moving } = drag.current;
    const at = timeAt(event);
    if (moving) onZoom(shifted(moving, at - from, whole));
    else if (Math.abs(at - from) > SMALLEST * (whole.to - whole.from))
      onZoom({ from: Math.min(from, at), to: Math.max(from, at) });
  };
  const percent = (t: number) => `${((t - whole.from) / (whole.to - whole.from)) * 100}%`;
  return (
    <div
      class="minimap"
      onPointerDown={onDown}
      onPointerMove={onMove}
      onPointerUp={() => (drag.current = null)}
      onDblClick={() => onZoom(null)}
      title="Drag to zoom, double-click to see everything"
    >
      {ticks(whole.from, whole.to, 5).map((t) => (
        <span key={t} class="minimap-tick num" style={{ left: percent(t) }}>
          {duration(t)}
        </span>
      ))}
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Overview of ${trace.spans.length} spans in ${duration(trace.duration)}`}
      />
      {zoom && (
        <>
          <i class="shade" style={{ left: "0", right: `calc(100% - ${percent(zoom.from)})` }} />
          <i class="shade" style={{ left: percent(zoom.to), right: "0" }} />
          <button
            type="button"
            class="button small unzoom"
            onPointerDown={(event) => event.stopPropagation()}
            onClick={() => onZoom(null)}
          >
            <CloseIcon /> {duration(zoom.from)} – {duration(zoom.to)}
          </button>
        </>
      )}
    </div>
  );
}

function shifted(range: Range, by: number, whole: Range): Range {
  const size = range.to - range.from;
  const from = Math.min(Math.max(range.from + by, whole.from), whole.to - size);
  return { from, to: from + size };
}

const TOP_PX = 18; // the labels' room
const LANE_MAX_PX = 10; // per span, where there are few
const THICK_MAX_PX = 5;

function draw(canvas: HTMLCanvasElement, trace: Trace, whole: Range): void {
  const scale = devicePixelRatio;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = w * scale;
  canvas.height = h * scale;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  const lane = Math.min(LANE_MAX_PX, (h - TOP_PX - 5) / trace.spans.length);
  const thick = Math.min(THICK_MAX_PX, Math.max(1, lane > 2 ? lane - 1.5 : lane));
  const bad = cssColour("--bad");
  // Red where a failure began, not all the way up to the root; and last, so that no neighbour hides it.
  const began = (span: Span) => span.error && !span.children.some((i) => trace.spans[i]!.error);
  for (const red of [false, true]) {
    for (const span of trace.spans) {
      if (began(span) !== red) continue;
      context.fillStyle = red ? bad : serviceColour(span.service);
      const x = (span.start / (whole.to - whole.from)) * w;
      const width = Math.max(1, (span.duration / (whole.to - whole.from)) * w);
      context.fillRect(x, TOP_PX + 1 + span.index * lane, width, thick);
    }
  }
}

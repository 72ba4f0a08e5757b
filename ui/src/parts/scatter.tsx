// Every found trace as a point: when it began, how long it took (logarithmic where that spreads wide), red
// when something in it failed. The nearest point to the pointer says what it is; a click opens it.
import { useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import type { Summary } from "../model/summary";
import { duration, plural } from "../model/units";
import { navigate } from "../router";
import { cssColour, useTheme } from "../theme";
import { Plot } from "./plot";

const REACH_PX = 28;
const SPREAD = 30; // longest to shortest, from which on a linear axis would hide the short ones

interface Props {
  traces: readonly Summary[];
  hovered: string | null;
  onHover: (id: string | null) => void;
}

export function Scatter({ traces, hovered, onHover }: Props) {
  const theme = useTheme();
  const plot = useRef<uPlot | null>(null);
  const [, redraw] = useState(0);
  const points = useMemo(() => [...traces].sort((a, b) => a.startUs - b.startUs), [traces]);
  const log = useMemo(() => spreadsWide(points), [points]);
  const options = useMemo(() => optionsFor(log), [log, theme]);
  const data = useMemo(
    () =>
      [
        points.map((t) => t.startUs / 1e6),
        points.map((t) => (t.errors === 0 ? Math.max(1, t.duration) : null)),
        points.map((t) => (t.errors > 0 ? Math.max(1, t.duration) : null)),
      ] as uPlot.AlignedData,
    [points],
  );
  const near = (event: MouseEvent): Summary | null => nearest(plot.current, points, event);
  const shown = points.find((t) => t.id === hovered);
  return (
    <div
      class={hovered && shown ? "scatter pointing" : "scatter"}
      onPointerMove={(event) => onHover(near(event)?.id ?? null)}
      onPointerLeave={() => onHover(null)}
      onClick={(event) => {
        const trace = near(event);
        if (trace) navigate(`/trace/${trace.id}`);
      }}
    >
      <Plot
        class="scatter-plot"
        options={options}
        data={data}
        label={`Durations of ${plural(traces.length, "trace")} over time; the list below has the same`}
        onPlot={(made) => {
          plot.current = made;
          if (made) redraw((n) => n + 1);
        }}
      />
      {shown && plot.current && <Marker plot={plot.current} trace={shown} />}
    </div>
  );
}

function Marker({ plot, trace }: { plot: uPlot; trace: Summary }) {
  const { x, y } = positionOf(plot, trace);
  const side = x > plot.over.clientWidth / 2 ? "left" : "right";
  const at = { left: `${x + plot.over.offsetLeft}px`, top: `${y + plot.over.offsetTop}px` };
  return (
    <div class={`scatter-marker ${side}`} style={at}>
      <span class="tip">
        <b>{duration(trace.duration)}</b> {trace.rootName}
      </span>
    </div>
  );
}

function positionOf(plot: uPlot, trace: Summary): { x: number; y: number } {
  return {
    x: plot.valToPos(trace.startUs / 1e6, "x"),
    y: plot.valToPos(Math.max(1, trace.duration), "y"),
  };
}

function nearest(
  plot: uPlot | null,
  points: readonly Summary[],
  event: MouseEvent,
): Summary | null {
  if (!plot) return null;
  const box = plot.over.getBoundingClientRect();
  let best: Summary | null = null;
  let reach = REACH_PX;
  for (const trace of points) {
    const { x, y } = positionOf(plot, trace);
    const distance = Math.hypot(event.clientX - box.left - x, event.clientY - box.top - y);
    if (distance < reach) [best, reach] = [trace, distance];
  }
  return best;
}

function spreadsWide(points: readonly Summary[]): boolean {
  const all = points.map((t) => Math.max(1, t.duration));
  return all.length > 1 && Math.max(...all) / Math.min(...all) > SPREAD;
}

function optionsFor(log: boolean): Omit<uPlot.Options, "width" | "height"> {
  const text = cssColour("--text-3");
  const line = cssColour("--line");
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: text,
    font,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  const series = (colour: string): uPlot.Series => ({
    paths: () => null,
    points: { show: true, size: 8, width: 1.5, stroke: cssColour("--surface"), fill: colour },
  });
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 12, 0, 4],
    scales: {
      x: { time: true, range: (_, min, max) => padded(min, max) },
      y: log
        ? { distr: 3, range: (_, min, max) => [min / 1.6, max * 1.6] }
        : { range: (_, __, max) => [0, max * 1.1] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        space: 90,
        grid: { show: false },
        values: (_, at) => at.map(clockLabel),
      },
      {
        ...axis,
        size: 62,
        gap: 6,
        space: 24,
        filter: (_, at) => at,
        ...(log && { splits: (_, __, min, max) => powersOfTen(min, max) }),
        values: (_, at) => at.map(duration),
      },
    ],
    series: [{}, series(cssColour("--accent")), series(cssColour("--bad"))],
  };
}

// uPlot puts the first and the last point on the very edge, and cannot make a range of one moment.
function padded(min: number, max: number): [number, number] {
  const room = Math.max((max - min) * 0.03, 0.5);
  return [min - room, max + room];
}

function powersOfTen(min: number, max: number): number[] {
  const out: number[] = [];
  for (let p = Math.ceil(Math.log10(min)); p <= Math.log10(max); p++) out.push(10 ** p);
  return out;
}

function clockLabel(seconds: number): string {
  const options: Intl.DateTimeFormatOptions = {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  };
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", options);
}

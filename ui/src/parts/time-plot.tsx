// Series over time, as lines or as stacked bars. Dragging over a stretch zooms into it; the pointer's moment
// goes to whoever shows values, and the nearest line is named beside the pointer.
import { useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { shortNumber, timeLabel } from "../model/series";
import type { Span } from "../model/time-range";
import { dateTime } from "../model/units";
import { cssColour, useTheme } from "../theme";
import { Plot, type PlotOptions } from "./plot";

export interface Line {
  name: string;
  colour: string; // a colour, or the name of a CSS variable
  values: readonly (number | null)[];
}

interface Props {
  class: string;
  label: string;
  times: readonly number[]; // seconds since 1970
  lines: readonly Line[];
  bars?: boolean; // stacked
  onZoom: (span: Span) => void;
  onPoint?: (index: number | null) => void;
}

interface Tip {
  index: number;
  series: number | null; // the nearest line
  left: number;
  top: number;
}

export function TimePlot({
  class: className,
  label,
  times,
  lines,
  bars = false,
  onZoom,
  onPoint,
}: Props) {
  const theme = useTheme();
  const [tip, setTip] = useState<Tip | null>(null);
  const latest = useRef({ onZoom, onPoint });
  latest.current = { onZoom, onPoint };
  const look = JSON.stringify(lines.map((line) => line.colour));
  const options = useMemo(() => {
    const pointed = (plot: uPlot) => {
      const index = plot.cursor.idx ?? null;
      latest.current.onPoint?.(index);
      setTip(index === null ? null : tipAt(plot, index, bars));
    };
    const zoomed = (plot: uPlot) => {
      const { left, width } = plot.select;
      if (width < 3) return;
      const at = (px: number) => plot.posToVal(px, "x") * 1000;
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      latest.current.onZoom({ from: at(left), to: at(left + width) });
    };
    return (made: typeof uPlot) =>
      optionsFor(made, { lines, bars, step: (times[1] ?? 1) - (times[0] ?? 0), pointed, zoomed });
  }, [theme, look, bars, times[1]! - times[0]!]);
  const data = useMemo(
    () =>
      [times, ...(bars ? stacked(lines) : lines.map((line) => line.values))] as uPlot.AlignedData,
    [times, lines, bars],
  );
  return (
    <div class={`time-plot ${className}`}>
      <Plot class="time-plot-box" options={options} data={data} label={label} />
      {tip && times[tip.index] !== undefined && (
        <TipBox tip={tip} time={times[tip.index]!} lines={lines} bars={bars} />
      )}
    </div>
  );
}

function TipBox(props: { tip: Tip; time: number; lines: readonly Line[]; bars: boolean }) {
  const { tip, time, lines, bars } = props;
  const shown = bars
    ? lines.filter((line) => (line.values[tip.index] ?? 0) > 0)
    : lines.filter((_, i) => i === tip.series);
  const at = { left: `${tip.left}px`, top: `${tip.top}px` };
  return (
    <div class={tip.left > 320 ? "plot-tip left" : "plot-tip"} style={at}>
      <span class="num muted">{dateTime(time * 1000).slice(0, 19)}</span>
      {shown.map((line) => (
        <span key={line.name} class="plot-tip-line">
          <i class="dot" style={{ background: colourOf(line.colour) }} />
          <b class="num">{shortNumber(line.values[tip.index] ?? null)}</b>
          <span class="plot-tip-name">{line.name}</span>
        </span>
      ))}
    </div>
  );
}

const colourOf = (colour: string) => (colour.startsWith("--") ? `var(${colour})` : colour);

// uPlot reports moments by index, and the distance of lines by pixels of ours.
function tipAt(plot: uPlot, index: number, bars: boolean): Tip {
  const { left = 0, top = 0 } = plot.cursor;
  let series: number | null = null;
  let nearest = Infinity;
  for (let i = 1; i < plot.data.length && !bars; i++) {
    const value = plot.data[i]![index];
    if (value === null || value === undefined) continue;
    const distance = Math.abs(plot.valToPos(value, "y") - top);
    if (distance < nearest) [nearest, series] = [distance, i - 1];
  }
  return { index, series, left: left + plot.over.offsetLeft, top: top + plot.over.offsetTop };
}

// Each bar is drawn from the bottom, so the first line of `lines` stands on top and is drawn first.
function stacked(lines: readonly Line[]): (number | null)[][] {
  const sums: number[] = [];
  const out: (number | null)[][] = [];
  for (const line of [...lines].reverse())
    out.unshift(line.values.map((value, i) => (sums[i] = (sums[i] ?? 0) + (value ?? 0)) || null));
  return out;
}

// Bars count: there is no half of a line.
const WHOLE = [1, 2, 5]
  .flatMap((n) => Array.from({ length: 9 }, (_, i) => n * 10 ** i))
  .sort((a, b) => a - b);

interface Look {
  lines: readonly Line[];
  bars: boolean;
  step: number;
  pointed: (plot: uPlot) => void;
  zoomed: (plot: uPlot) => void;
}

function optionsFor(made: typeof uPlot, { lines, bars, step, pointed, zoomed }: Look): PlotOptions {
  const axis: uPlot.Axis = {
    stroke: cssColour("--text-3"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: cssColour("--line"), width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  const paint = (colour: string) => (colour.startsWith("--") ? cssColour(colour) : colour);
  const alone = lines.length === 1;
  return {
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: !bars, size: 7 },
      drag: { x: true, y: false, setScale: false },
      ...(!bars && { focus: { prox: 24 } }),
    },
    focus: { alpha: 0.35 },
    padding: [10, 14, 0, 4],
    hooks: { setCursor: [pointed], setSelect: [zoomed] },
    scales: {
      // A bar stands on its moment: half of the first and the last would be cut off.
      x: {
        time: true,
        range: (_, min, max) => (bars ? [min - step / 2, max + step / 2] : [min, max]),
      },
      y: { range: (_, min, max) => (bars ? [0, Math.max(1, max * 1.05)] : valueRange(min, max)) },
    },
    axes: [
      {
        ...axis,
        size: 26,
        gap: 5,
        space: 84,
        grid: { show: false },
        values: (_, at, __, ___, incr) => at.map((s) => timeLabel(s, incr)),
      },
      {
        ...axis,
        size: 56,
        gap: 6,
        space: bars ? 20 : 32,
        values: (_, at) => at.map(shortNumber),
        ...(bars && { incrs: WHOLE }),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series =>
        bars
          ? {
              stroke: paint(line.colour),
              fill: paint(line.colour),
              width: 0,
              paths: made.paths.bars!({ size: [0.82, 60] }),
              points: { show: false },
            }
          : {
              stroke: paint(line.colour),
              width: 1.5,
              points: { size: 4 },
              ...(alone && { fill: `${paint(line.colour)}1f` }),
            },
      ),
    ],
  };
}

// Zero belongs to the picture unless the values are far from it and close together.
function valueRange(min: number, max: number): [number, number] {
  if (min === null || max === null) return [0, 1];
  const spread = max - min || Math.abs(max) || 1;
  const low = min >= 0 && min < 3 * spread ? 0 : min - spread * 0.08;
  return [low, Math.max(max, low) + spread * 0.08];
}

// How many lines there were over time, by severity. Dragging over a stretch looks at it alone.
import { useMemo } from "preact/hooks";
import { volumeOf, type Level } from "../model/logs";
import type { MatrixSeries } from "../api/prometheus";
import type { Span } from "../model/time-range";
import { count, plural } from "../model/units";
import { TimePlot } from "./time-plot";

interface Props {
  result: readonly MatrixSeries[];
  grid: { start: number; end: number; step: number };
  onZoom: (span: Span) => void;
}

export function LogVolume({ result, grid, onZoom }: Props) {
  const volume = useMemo(() => volumeOf(result, grid), [result]);
  const lines = useMemo(
    () =>
      volume.levels.map(({ level, values }) => ({
        name: named(level),
        colour: `--level-${level}`,
        values,
      })),
    [volume],
  );
  const total = volume.levels.reduce((sum, { total: n }) => sum + n, 0);
  return (
    <div class="panel log-volume">
      <TimePlot
        class="volume-plot"
        label={`${plural(total, "line")} over time, by severity`}
        times={volume.times}
        lines={lines}
        bars
        onZoom={onZoom}
      />
      <ul class="volume-levels">
        {[...volume.levels].reverse().map(({ level, total: n }) => (
          <li key={level}>
            <i class="dot" style={{ background: `var(--level-${level})` }} />
            {named(level)} <b class="num">{count(n)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

const named = (level: Level): string => (level === "unknown" ? "no level" : level);

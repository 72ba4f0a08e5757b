// Series as lines, with their legend.
import { useMemo, useState } from "preact/hooks";
import type { MatrixSeries } from "../api/prometheus";
import { lineColour } from "../model/colour";
import { plotData, SERIES_MAX } from "../model/series";
import type { Span } from "../model/time-range";
import { plural } from "../model/units";
import { SeriesLegend } from "./series-legend";
import { TimePlot } from "./time-plot";

interface Props {
  result: readonly MatrixSeries[];
  grid: { start: number; end: number; step: number }; // seconds
  onZoom: (span: Span) => void;
}

export function Graph({ result, grid, onZoom }: Props) {
  const [point, setPoint] = useState<number | null>(null);
  const [alone, setAlone] = useState<number | null>(null);
  const data = useMemo(() => plotData(result, grid), [result]);
  const only = alone !== null && alone < data.series.length ? alone : null;
  const lines = useMemo(
    () =>
      data.series
        .map((series, i) => ({ ...series, colour: lineColour(i) }))
        .filter((_, i) => only === null || i === only),
    [data, only],
  );
  return (
    <>
      <div class="panel">
        <TimePlot
          class="metric-plot"
          label={`${plural(data.series.length, "series", "series")} over time; the table below has their values`}
          times={data.times}
          lines={lines}
          onZoom={onZoom}
          onPoint={setPoint}
        />
      </div>
      {data.total > SERIES_MAX && (
        <p class="notice">
          The first {SERIES_MAX} of {data.total} series are drawn. Aggregate, or select fewer.
        </p>
      )}
      <SeriesLegend
        data={data}
        point={point !== null && point < data.times.length ? point : null}
        alone={only}
        onAlone={setAlone}
      />
    </>
  );
}

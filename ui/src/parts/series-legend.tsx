// The lines of a plot by name, with their values: the last ones, or those under the pointer. A click shows one
// line alone, another one all again.
import type { PlotData } from "../model/series";
import { nameOf, shortNumber } from "../model/series";
import { lineColour } from "../model/colour";
import { dateTime } from "../model/units";

interface Props {
  data: PlotData;
  point: number | null; // index of the pointer's moment
  alone: number | null; // the line that is shown alone
  onAlone: (index: number | null) => void;
}

export function SeriesLegend({ data, point, alone, onAlone }: Props) {
  const common = Object.keys(data.common).length > 0 && data.series.length > 1;
  return (
    <div class="series-legend table-scroll">
      {common && (
        <p class="legend-common">
          <span class="muted">All:</span> <span class="mono">{nameOf(data.common)}</span>
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Series</th>
            <th scope="col" class="num legend-at">
              {point === null ? "last" : dateTime(data.times[point]! * 1000).slice(11, 19)}
            </th>
            <th scope="col">min</th>
            <th scope="col">mean</th>
            <th scope="col">max</th>
          </tr>
        </thead>
        <tbody>
          {data.series.map((series, i) => (
            <tr key={i} class={alone !== null && alone !== i ? "faded" : ""}>
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={alone === i}
                  title={alone === i ? "Show all again" : "Show it alone"}
                  onClick={() => onAlone(alone === i ? null : i)}
                >
                  <i class="dot" style={{ background: lineColour(i) }} />
                  <span class="mono">{series.name}</span>
                </button>
              </th>
              <td class="num">
                <b>{shortNumber(point === null ? series.last : (series.values[point] ?? null))}</b>
              </td>
              <td class="num">{shortNumber(series.min)}</td>
              <td class="num">{shortNumber(series.mean)}</td>
              <td class="num">{shortNumber(series.max)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

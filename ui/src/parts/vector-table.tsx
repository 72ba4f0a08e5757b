// The answer of one moment, a row per series.
import type { Table } from "../model/series";

const ROWS_MAX = 1000;

export function VectorTable({ table }: { table: Table }) {
  const { columns, rows } = table;
  return (
    <div class="panel table-scroll">
      <table class="vector">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column === "__name__" ? "name" : column}
              </th>
            ))}
            <th scope="col" class="v-value">
              value
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map((row, i) => (
            <tr key={i}>
              {columns.map((column) => (
                <td key={column} class="mono">
                  {row.labels[column] ?? ""}
                </td>
              ))}
              <td class="v-value num mono">{row.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && (
        <p class="none muted">
          The first {ROWS_MAX} of {rows.length} series.
        </p>
      )}
    </div>
  );
}

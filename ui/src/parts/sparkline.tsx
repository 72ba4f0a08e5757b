// A rate over time in the height of a line, the failed part of it in red. Two paths; a table of a hundred
// services would be slow with a hundred charts.
import { sparkPath } from "../model/services";

interface Props {
  rate: readonly number[];
  errors: readonly number[];
  label: string;
}

export function Sparkline({ rate, errors, label }: Props) {
  const top = Math.max(...rate, 0);
  const line = sparkPath(rate, top);
  return (
    <svg
      class="spark"
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {line !== "" && <path class="spark-area" d={`${line}L100 24L0 24Z`} />}
      {line !== "" && <path class="spark-line" d={line} />}
      {errors.some((n) => n > 0) && (
        <path class="spark-errors" d={`${sparkPath(errors, top)}L100 24L0 24Z`} />
      )}
    </svg>
  );
}

// The found traces, one link each: what it was, who took part, how it went, how long, when.
import type { Summary } from "../model/summary";
import { ago, count, dateTime, duration, plural } from "../model/units";
import { ErrorIcon } from "./icons";
import { Dot, ServiceChip } from "./service";

const CHIPS = 5; // beyond that, the number of the others

interface Props {
  traces: readonly Summary[];
  nowMs: number;
  hovered: string | null;
  onHover: (id: string | null) => void;
}

export function TraceList({ traces, nowMs, hovered, onHover }: Props) {
  const longest = traces.reduce((max, t) => Math.max(max, t.duration), 1);
  return (
    <ol class="trace-list" onPointerLeave={() => onHover(null)}>
      {traces.map((t) => (
        <li
          key={t.id}
          class={t.id === hovered ? "hovered" : ""}
          onPointerEnter={() => onHover(t.id)}
        >
          <a href={`/trace/${t.id}`}>
            <span class="t-name">
              <Dot service={t.rootService} />
              <span class="t-operation">{t.rootName}</span>
            </span>
            <span class="t-chips">
              {t.services.slice(0, CHIPS).map((s) => (
                <ServiceChip key={s.name} service={s.name} spans={s.spans} errors={s.errors} />
              ))}
              {t.services.length > CHIPS && <span class="chip">+{t.services.length - CHIPS}</span>}
            </span>
            <span class="t-errors">
              {t.errors > 0 && (
                <>
                  <ErrorIcon label="" /> {plural(t.errors, "error")}
                </>
              )}
            </span>
            <span class="t-spans num">
              {count(t.spans)} <small>{t.spans === 1 ? "span" : "spans"}</small>
            </span>
            <span class="t-duration">
              <span class="num">{duration(t.duration)}</span>
              <span class="meter">
                <i
                  class={t.errors > 0 ? "bad" : ""}
                  style={{ width: `${Math.max(0.5, (t.duration / longest) * 100)}%` }}
                />
              </span>
            </span>
            <time class="t-when num" title={dateTime(t.startUs / 1000)}>
              {ago(t.startUs / 1000, nowMs)}
            </time>
          </a>
        </li>
      ))}
    </ol>
  );
}

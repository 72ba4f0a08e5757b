import { serviceColour } from "../model/colour";
import type { Stretch } from "../model/critical-path";
import type { Span } from "../model/trace";
import { count, duration } from "../model/units";
import { ChevronIcon, ErrorIcon } from "./icons";
import type { Range } from "./minimap";

const INDENT_PX = 14;
const INDENTS_MAX = 18; // deeper ones stay here, or their names would leave the screen

interface Props {
  span: Span;
  parent: Span | undefined;
  top: string;
  range: Range;
  active: boolean;
  collapsed: boolean;
  matched: boolean;
  critical: readonly Stretch[];
  onOpen: (index: number) => void;
  onToggle: (index: number) => void;
}

export function SpanRow(props: Props) {
  const { span, parent, active, matched, collapsed } = props;
  const indent = `${Math.min(span.depth, INDENTS_MAX) * INDENT_PX}px`;
  const classes = ["row", active && "active", matched && "matched", span.error && "failed"]
    .filter(Boolean)
    .join(" ");
  const hidden = span.end - span.index - 1;
  return (
    <div
      id={`span-${span.index}`}
      class={classes}
      style={{ top: props.top }}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-selected={active}
      aria-expanded={span.children.length > 0 ? !collapsed : undefined}
      aria-label={`${span.name}, ${span.service}, ${duration(span.duration)}${span.error ? ", failed" : ""}`}
      onClick={() => props.onOpen(span.index)}
    >
      <div class="row-name">
        <i class="indent" style={{ width: indent }} />
        {span.children.length > 0 ? (
          <button
            type="button"
            class={collapsed ? "twist" : "twist opened"}
            tabIndex={-1}
            aria-label={collapsed ? `Expand ${hidden} spans` : "Collapse"}
            onClick={(event) => {
              event.stopPropagation();
              props.onToggle(span.index);
            }}
          >
            <ChevronIcon />
          </button>
        ) : (
          <i class="twist" />
        )}
        <i class="stripe" style={{ background: serviceColour(span.service) }} />
        {span.error && <ErrorIcon />}
        <span class="op">{span.name}</span>
        {collapsed && <span class="hidden-count num">+{count(hidden)}</span>}
        {parent?.service !== span.service && <span class="svc">{span.service}</span>}
      </div>
      <div class="row-time">
        <Bar span={span} range={props.range} critical={props.critical} />
      </div>
    </div>
  );
}

function Bar({
  span,
  range,
  critical,
}: {
  span: Span;
  range: Range;
  critical: readonly Stretch[];
}) {
  const part = (t: number) => ((t - range.from) / (range.to - range.from)) * 100;
  const from = part(span.start);
  const to = part(span.start + span.duration);
  if (to < 0 || from > 100) return <i class={to < 0 ? "beyond before" : "beyond after"} />;
  const shown = { from: Math.max(from, 0), to: Math.min(to, 100) };
  const colour = serviceColour(span.service);
  const place = (a: number, b: number) => ({ left: `${a}%`, width: `${Math.max(0, b - a)}%` });
  return (
    <>
      <i class="bar" style={{ ...place(shown.from, shown.to), background: colour }} />
      {critical.map((stretch) => {
        const [a, b] = [
          Math.max(part(stretch.from), shown.from),
          Math.min(part(stretch.to), shown.to),
        ];
        return b > a ? <i key={stretch.from} class="critical" style={place(a, b)} /> : null;
      })}
      {span.events.map((event, i) => {
        const at = part(event.at);
        return at >= 0 && at <= 100 ? (
          <i
            key={i}
            class={event.isException ? "mark exception" : "mark"}
            style={{ left: `${at}%` }}
            title={event.name}
          />
        ) : null;
      })}
      <span class="bar-label num" style={{ left: `${shown.to}%` }}>
        {duration(span.duration)}
      </span>
    </>
  );
}

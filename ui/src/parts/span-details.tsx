// Everything that is known about one span. Whatever it says was written by others and is shown as text.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { KeyValue } from "../api/jaeger";
import { selfTime } from "../model/critical-path";
import { DEFAULTS, queryToUrl, tag } from "../model/query";
import type { Span, SpanEvent, Trace } from "../model/trace";
import { dateTime, duration } from "../model/units";
import { CopyButton } from "./copy";
import { ChevronIcon, CloseIcon, ErrorIcon, SearchIcon } from "./icons";
import { lazy } from "../lazy";
import { ServiceChip } from "./service";

const SpanLogs = lazy(() => import("./span-logs").then((m) => m.SpanLogs));

interface Props {
  trace: Trace;
  span: Span;
  onSelect: (index: number) => void;
  onClose: () => void;
}

export function SpanDetails({ trace, span, onSelect, onClose }: Props) {
  return (
    <aside class="details" aria-label={`Details of ${span.name}`}>
      <header>
        <h2>{span.name}</h2>
        <button
          type="button"
          class="icon-button"
          onClick={onClose}
          title="Close (Esc)"
          aria-label="Close the details"
        >
          <CloseIcon />
        </button>
      </header>
      <div class="details-body">
        <Facts trace={trace} span={span} onSelect={onSelect} />
        {span.warnings.map((warning) => (
          <p key={warning} class="notice">
            {warning}
          </p>
        ))}
        <Section name="Attributes" count={span.tags.length} none="This span has no attributes.">
          <Pairs pairs={span.tags} service={span.service} />
        </Section>
        {span.events.length > 0 && (
          <Section name="Events" count={span.events.length}>
            {span.events.map((event, i) => (
              <Event key={i} event={event} span={span} />
            ))}
          </Section>
        )}
        <Section name="Logs">
          <SpanLogs key={span.id} trace={trace} span={span} />
        </Section>
        {span.links.length > 0 && (
          <Section name="Links" count={span.links.length}>
            <ul class="links">
              {span.links.map((link, i) => (
                <li key={i}>
                  <a
                    class="mono"
                    href={`/trace/${encodeURIComponent(link.traceID)}?span=${encodeURIComponent(link.spanID)}`}
                  >
                    {link.traceID === trace.id ? "this trace" : link.traceID}
                  </a>{" "}
                  <span class="mono muted">span {link.spanID}</span>
                </li>
              ))}
            </ul>
          </Section>
        )}
        <Section
          name="Resource"
          count={span.resource.length}
          none="The program said nothing about itself."
        >
          <Pairs pairs={span.resource} service={span.service} />
        </Section>
      </div>
    </aside>
  );
}

function Facts({ trace, span, onSelect }: Omit<Props, "onClose">) {
  const parent = trace.spans[span.parent];
  return (
    <dl class="span-facts">
      <Fact name="Service">
        <ServiceChip service={span.service} />
      </Fact>
      <Fact name="Status">
        {span.error ? (
          <span class="bad-text">
            <ErrorIcon label="" /> Error{span.statusText && `: ${span.statusText}`}
          </span>
        ) : (
          "No error"
        )}
      </Fact>
      <Fact name="Duration">
        <b class="num">{duration(span.duration)}</b>
        {span.children.length > 0 && (
          <span class="muted num"> {duration(selfTime(trace.spans, span))} of it itself</span>
        )}
      </Fact>
      <Fact name="Started">
        <span class="num" title={dateTime((trace.startUs + span.start) / 1000)}>
          {duration(span.start)} into the trace
        </span>
      </Fact>
      <Fact name="Kind">{span.kind}</Fact>
      <Fact name="Span id">
        <span class="mono">{span.id}</span> <CopyButton text={span.id} what="the span id" />
      </Fact>
      <Fact name="Parent">
        {parent ? (
          <button type="button" class="as-link" onClick={() => onSelect(parent.index)}>
            {parent.name}
          </button>
        ) : span.parentId ? (
          <span>
            <span class="mono">{span.parentId}</span> <span class="muted">(not received)</span>
          </span>
        ) : (
          <span class="muted">none, this is the root</span>
        )}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Section(props: {
  name: string;
  count?: number; // where it is known beforehand
  none?: string;
  children: ComponentChildren;
}) {
  const [open, setOpen] = useState(true);
  return (
    <section class="section">
      <h3>
        <button
          type="button"
          class={open ? "opened" : ""}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <ChevronIcon /> {props.name} <span class="num muted">{props.count}</span>
        </button>
      </h3>
      {open && (props.count !== 0 ? props.children : <p class="muted none">{props.none}</p>)}
    </section>
  );
}

function Pairs({ pairs, service }: { pairs: readonly KeyValue[]; service?: string }) {
  return (
    <dl class="pairs">
      {pairs.map((pair, i) => (
        <div key={i}>
          <dt>{breakable(pair.key)}</dt>
          <dd class={`value ${pair.type ?? ""}`}>
            <span class="text">{String(pair.value)}</span>
            <span class="pair-actions">
              {service !== undefined && pair.type !== "binary" && (
                <a
                  class="icon-button tiny"
                  href={searchFor(service, pair)}
                  title="Find traces with this value"
                  aria-label={`Find traces with this ${pair.key}`}
                >
                  <SearchIcon />
                </a>
              )}
              <CopyButton text={String(pair.value)} what={pair.key} />
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

// Long keys break after a dot or an underscore, not in the middle of a word.
function breakable(key: string): ComponentChildren {
  return key
    .split(/(?<=[._/-])/)
    .flatMap((part, i) => (i === 0 ? [part] : [<wbr key={i} />, part]));
}

function searchFor(service: string, pair: KeyValue): string {
  return queryToUrl({
    ...DEFAULTS,
    service,
    tags: tag(pair.key, String(pair.value)),
    lookback: "1d",
  });
}

function Event({ event, span }: { event: SpanEvent; span: Span }) {
  const field = (key: string) => event.fields.find((f) => f.key === key)?.value;
  const stack = field("exception.stacktrace");
  const rest = event.fields.filter((f) => f.key !== "exception.stacktrace");
  return (
    <article class={event.isException ? "event exception" : "event"}>
      <h4>
        {event.isException && <ErrorIcon label="" />}
        <span class="event-name">
          {event.isException ? String(field("exception.type") ?? event.name) : event.name}
        </span>
        <span class="num muted" title="After the start of the span">
          +{duration(Math.max(0, event.at - span.start))}
        </span>
      </h4>
      {event.isException && field("exception.message") !== undefined && (
        <p class="event-message">{String(field("exception.message"))}</p>
      )}
      <Pairs
        pairs={
          event.isException
            ? rest.filter((f) => f.key !== "exception.message" && f.key !== "exception.type")
            : rest
        }
      />
      {stack !== undefined && (
        <div class="code">
          <pre>{String(stack)}</pre>
          <CopyButton text={String(stack)} what="the stack trace" />
        </div>
      )}
    </article>
  );
}

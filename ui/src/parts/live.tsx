// What arrives right now: spans per second with the last minute behind it, and on demand the whole account.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { HISTORY, useStatus, type Live as LiveState, type Status } from "../api/status";
import { ago, bytes, count, duration, plural, shortCount } from "../model/units";
import { cssColour, useTheme } from "../theme";
import { CopyButton } from "./copy";
import { Plot } from "./plot";

export function Live() {
  const live = useStatus();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (
        event instanceof KeyboardEvent
          ? event.key === "Escape"
          : !box.current?.contains(event.target as Node)
      )
        setOpen(false);
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", away);
    };
  }, [open]);
  return (
    <div class="live" ref={box}>
      <button
        type="button"
        class="live-button"
        aria-expanded={open}
        aria-controls="live-panel"
        onClick={() => setOpen(!open)}
      >
        <i class={`pulse ${live.state} ${live.rate > 0 ? "moving" : ""}`} />
        {live.state === "offline" ? <span>Server not reachable</span> : <Rate live={live} />}
      </button>
      {open && <Panel live={live} />}
    </div>
  );
}

function Rate({ live }: { live: LiveState }) {
  return (
    <>
      <Sparkline rates={live.rates} />
      <span class="live-rate">
        <b>{shortCount(live.rate)}</b> spans/s
      </span>
      {live.status && (
        <span class="live-total">{shortCount(live.status.received.spans)} received</span>
      )}
    </>
  );
}

function Sparkline({ rates }: { rates: readonly number[] }) {
  const theme = useTheme();
  const options = useMemo(
    () => ({
      legend: { show: false },
      cursor: { show: false },
      padding: [2, 0, 0, 0] as [number, number, number, number],
      axes: [{ show: false }, { show: false }],
      // At least 1 at the top, so that a quiet minute is a flat line at the bottom.
      scales: {
        x: { time: false },
        y: {
          range: (_: unknown, __: number, max: number): [number, number] => [0, Math.max(1, max)],
        },
      },
      series: [
        {},
        {
          stroke: cssColour("--accent"),
          fill: cssColour("--accent-soft"),
          width: 1.25,
          points: { show: false },
        },
      ],
    }),
    [theme],
  );
  const data = useMemo(() => [rates.map((_, i) => i), [...rates]] as [number[], number[]], [rates]);
  return (
    <Plot
      class="sparkline"
      options={options}
      data={data}
      label={`Spans per second over the last ${HISTORY} seconds`}
    />
  );
}

function Panel({ live }: { live: LiveState }) {
  const { status } = live;
  return (
    <div class="live-panel" id="live-panel">
      {live.state === "offline" && (
        <p class="notice bad">
          Nothing answers at {location.host}. Start cryostorm again, or check that it still runs;
          this page goes on asking.
        </p>
      )}
      {status ? <Account status={status} /> : <p>No answer yet.</p>}
    </div>
  );
}

function Account({ status }: { status: Status }) {
  const { received, stored, dropped, endpoints } = status;
  return (
    <>
      <h2>Listening on</h2>
      <Endpoint name="OTLP/HTTP" value={endpoints.otlp_http && `http://${endpoints.otlp_http}`} />
      <Endpoint name="OTLP/gRPC" value={endpoints.otlp_grpc && `http://${endpoints.otlp_grpc}`} />
      <h2>Received since start</h2>
      <Line name="Spans" value={count(received.spans)} />
      {received.metric_points > 0 && (
        <Line name="Metric points" value={count(received.metric_points)} />
      )}
      {received.log_records > 0 && <Line name="Log records" value={count(received.log_records)} />}
      <Line name="Dropped spans" value={count(dropped.spans)} bad={dropped.spans > 0} />
      <h2>Stored</h2>
      <Line name="Spans" value={`${count(stored.spans)} in ${plural(stored.traces, "trace")}`} />
      <Line name="On disk" value={bytes(stored.bytes)} />
      {stored.oldest_unix_ms !== null && (
        <Line name="Oldest" value={ago(stored.oldest_unix_ms, status.now_unix_ms)} />
      )}
      <p class="live-version">
        cryostorm {status.version}, up{" "}
        {duration(Math.max(0, status.now_unix_ms - status.start_unix_ms) * 1000)}
      </p>
    </>
  );
}

function Line({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <div class="line">
      <span>{name}</span>
      <span class={bad ? "num bad-text" : "num"}>{value}</span>
    </div>
  );
}

function Endpoint({ name, value }: { name: string; value: string | undefined }) {
  if (!value) return null;
  return (
    <div class="line">
      <span>{name}</span>
      <span class="mono">
        {value} <CopyButton text={value} what={`the ${name} endpoint`} />
      </span>
    </div>
  );
}

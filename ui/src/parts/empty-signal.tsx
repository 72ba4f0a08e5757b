// No metrics, or no logs, have arrived: how to send the first ones, with what this server really listens on.
import { useState } from "preact/hooks";
import { useStatus } from "../api/status";
import { CopyButton } from "./copy";

interface Way {
  name: string;
  intro: string;
  code: (http: string) => string;
}

const environment =
  (signal: string) => (http: string) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_${signal}_EXPORTER=otlp
export OTEL_SERVICE_NAME=my-service
your-app`;

const METRIC_CURL = (http: string) => `now=$(date +%s%N)
curl ${http}/v1/metrics -H 'Content-Type: application/json' -d '{"resourceMetrics":[{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shell"}}]},
  "scopeMetrics": [{"metrics": [{"name": "room.temperature", "unit": "Cel",
    "gauge": {"dataPoints": [{"timeUnixNano": "'$now'", "asDouble": 21.5}]}}]}]}]}'`;

const LOG_CURL = (http: string) => `now=$(date +%s%N)
curl ${http}/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shell"}}]},
  "scopeLogs": [{"logRecords": [{"timeUnixNano": "'$now'", "severityNumber": 9,
    "severityText": "INFO", "body": {"stringValue": "by hand"}}]}]}]}'`;

const SIGNALS = {
  metrics: {
    title: "Send your first metric",
    waiting: "Waiting for the first metric",
    ways: [
      {
        name: "Any language",
        intro: "An OpenTelemetry SDK sends its metrics once a minute, and at its end:",
        code: environment("METRICS"),
      },
      { name: "Shell", intro: "One value by curl, in JSON:", code: METRIC_CURL },
    ],
  },
  logs: {
    title: "Send your first log line",
    waiting: "Waiting for the first log line",
    ways: [
      {
        name: "Any language",
        intro: "An OpenTelemetry SDK, attached to your logging library, sends what that writes:",
        code: environment("LOGS"),
      },
      { name: "Shell", intro: "One line by curl, in JSON:", code: LOG_CURL },
    ],
  },
} satisfies Record<string, { title: string; waiting: string; ways: Way[] }>;

export function EmptySignal({ signal }: { signal: keyof typeof SIGNALS }) {
  const { status } = useStatus();
  const [chosen, setChosen] = useState(0);
  const { title, waiting, ways } = SIGNALS[signal];
  const way = ways[chosen]!;
  const code = way.code(`http://${status?.endpoints.otlp_http ?? "127.0.0.1:4318"}`);
  return (
    <section class="empty">
      <p class="waiting">
        <i class="pulse online moving" /> {waiting}
      </p>
      <h1>{title}</h1>
      <p class="lead">
        Nothing of the kind has arrived yet. This page changes by itself as soon as something has.
      </p>
      <div class="tabs" role="tablist" aria-label="Ways to send">
        {ways.map((w, i) => (
          <button
            key={w.name}
            type="button"
            role="tab"
            aria-selected={i === chosen}
            onClick={() => setChosen(i)}
          >
            {w.name}
          </button>
        ))}
      </div>
      <div class="way" role="tabpanel">
        <p>{way.intro}</p>
        <div class="code">
          <pre>{code}</pre>
          <CopyButton text={code} what="these lines" label="Copy" />
        </div>
      </div>
    </section>
  );
}

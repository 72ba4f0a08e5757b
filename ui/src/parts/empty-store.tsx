// Nothing has arrived yet: how to send the first span, with what this server really listens on. The view
// around it goes on asking and turns into the results by itself.
import { useState } from "preact/hooks";
import { useStatus } from "../api/status";
import { CopyButton } from "./copy";

const C_PROGRAM = `#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

static void greet(const char *whom)
{
    CRYO_SPAN(span, "greet"); /* ends when greet() is left */
    cryo_span_set(span, CRYO_ATTRS("greeting.whom", whom));
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        return 1;
    greet("world");
    return cryo_shutdown(5000, &error) ? 0 : 1;
}`;

interface Way {
  name: string;
  intro: string;
  code: (http: string, grpc: string) => string;
  after: string;
}

const WAYS: readonly Way[] = [
  {
    name: "Any language",
    intro:
      "Your program already uses an OpenTelemetry SDK or agent? Tell it where to send, and start it as always:",
    code: (http) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service
your-app`,
    after: "Spans show up here a few seconds after they end: SDKs gather them into batches first.",
  },
  {
    name: "gRPC",
    intro: "The same over gRPC, which many SDKs prefer:",
    code: (_, grpc) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${grpc}
export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
export OTEL_SERVICE_NAME=my-service
your-app`,
    after:
      "The two ports differ: gRPC on the one, HTTP on the other. Mixed up, neither side says much.",
  },
  {
    name: "C",
    intro: "A whole C program with one span, using cryostorm’s own library:",
    code: (http) => `cat > hello.c <<'EOF'
${C_PROGRAM}
EOF
cc hello.c -o hello $(pkg-config --cflags --libs cryostorm)
export OTEL_EXPORTER_OTLP_ENDPOINT=${http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_SERVICE_NAME=hello ./hello`,
    after: "“make install” in cryostorm’s source tree puts the headers and the library in place.",
  },
  {
    name: "Shell",
    intro: "No program at all? One span by curl, in JSON:",
    code: (http) => `now=$(date +%s%N)
id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
curl ${http}/v1/traces -H 'Content-Type: application/json' -d '{"resourceSpans":[{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shell"}}]},
  "scopeSpans": [{"spans": [{"traceId": "'$id'", "spanId": "'\${id%????????????????}'",
    "name": "by hand", "startTimeUnixNano": "'$now'", "endTimeUnixNano": "'$(date +%s%N)'"}]}]}]}'`,
    after: "The answer {\"partialSuccess\":{}} means that it was taken: all of it, unless it says otherwise.",
  },
  {
    name: "Demo",
    intro:
      "No program at hand? In cryostorm’s source tree, this starts a small web application and sends it some traffic:",
    code: () => "make demo",
    after: "It starts a cryostorm of its own: stop this one first, or the ports are taken.",
  },
];

export function EmptyStore() {
  const { status } = useStatus();
  const [chosen, setChosen] = useState(0);
  const http = `http://${status?.endpoints.otlp_http ?? "127.0.0.1:4318"}`;
  const grpc = `http://${status?.endpoints.otlp_grpc ?? "127.0.0.1:4317"}`;
  const way = WAYS[chosen]!;
  const code = way.code(http, grpc);
  return (
    <section class="empty">
      <p class="waiting">
        <i class="pulse online moving" /> Waiting for the first span
      </p>
      <h1>Send your first trace</h1>
      <p class="lead">
        cryostorm is ready and nothing has arrived yet. Point a program at it; this page changes by
        itself as soon as the first span is here.
      </p>
      <div class="tabs" role="tablist" aria-label="Ways to send">
        {WAYS.map((w, i) => (
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
        <p class="after">{way.after}</p>
      </div>
      <dl class="ports">
        <div>
          <dt>OTLP over HTTP</dt>
          <dd class="mono">{http}</dd>
        </div>
        <div>
          <dt>OTLP over gRPC</dt>
          <dd class="mono">{grpc}</dd>
        </div>
      </dl>
    </section>
  );
}

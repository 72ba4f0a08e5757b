// Stands in for cryostorm while the page is being worked on: the same API over the traces of samples.mjs,
// and the built page with the headers that the real server sends.
//
//   node tests/ui/mock.mjs <directory of the built page> [port] [--empty]
//
// With --empty, nothing is stored until somebody POSTs to /mock/fill.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { logsAnswer, recordsOf } from "./mock_logs.mjs";
import { metricsAnswer } from "./mock_metrics.mjs";
import { servicesAnswer } from "./mock_services.mjs";
import { makeTraces } from "./samples.mjs";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export function startMock({ page, port = 0, empty = false, traffic = true }) {
  const startMs = Date.now();
  const store = { traces: empty ? [] : makeTraces(startMs), extra: 0, startMs };
  const timer = setInterval(() => {
    if (traffic && store.traces.length > 0)
      store.extra += Math.round(6 + 5 * Math.sin(Date.now() / 4000) + Math.random() * 4);
  }, 250);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    if (url.pathname === "/mock/fill") {
      store.traces = makeTraces(Date.now());
      response.end();
    } else if (url.pathname.startsWith("/loki/api/v1/")) {
      const parts = url.pathname.split("/").slice(4).map(decodeURIComponent);
      const [code, body] = logsAnswer(parts, url.searchParams, store.traces);
      const plain = typeof body === "string";
      const type = plain ? "text/plain; charset=utf-8" : "application/json";
      response.writeHead(code, { "content-type": type }).end(plain ? body : JSON.stringify(body));
    } else if (url.pathname.startsWith("/api/")) {
      const [code, body] = answer(store, url);
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    } else {
      await sendFile(page, url.pathname, response);
    }
  });
  server.on("close", () => clearInterval(timer));
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

async function sendFile(page, path, response) {
  const headers = { "content-security-policy": POLICY, "x-content-type-options": "nosniff" };
  for (const name of [path, "/index.html"]) {
    try {
      const bytes = await readFile(join(page, normalize(name)));
      return response
        .writeHead(200, {
          ...headers,
          "content-type": TYPES[extname(name)] ?? "application/octet-stream",
        })
        .end(bytes);
    } catch {
      // no such file: the page itself, which finds its view by the address
    }
  }
  response.writeHead(500).end("no page built");
}

const envelope = (data) => ({ data, total: data.length, limit: 0, offset: 0, errors: null });
const serviceOf = (trace, span) => trace.processes[span.processID].serviceName;

function answer(store, url) {
  const parts = url.pathname.split("/").slice(2).map(decodeURIComponent);
  if (url.pathname === "/api/cryo/status") return [200, status(store)];
  if (url.pathname === "/api/cryo/services") return servicesAnswer(store.traces, url.searchParams);
  if (parts[0] === "v1")
    return metricsAnswer(parts.slice(1), url.searchParams, store.traces.length === 0);
  if (url.pathname === "/api/services")
    return [
      200,
      envelope([
        ...new Set(
          store.traces.flatMap((t) => Object.values(t.processes).map((p) => p.serviceName)),
        ),
      ]),
    ];
  if (parts[0] === "services" && parts[2] === "operations") {
    const names = store.traces.flatMap((t) =>
      t.spans.filter((s) => serviceOf(t, s) === parts[1]).map((s) => s.operationName),
    );
    return [200, envelope([...new Set(names)])];
  }
  if (parts[0] === "traces" && parts[1] !== undefined) {
    const trace = store.traces.find((t) => t.traceID === parts[1].padStart(32, "0"));
    return trace
      ? [200, envelope([trace])]
      : [
          404,
          {
            data: null,
            total: 0,
            limit: 0,
            offset: 0,
            errors: [{ code: 404, msg: "trace not found" }],
          },
        ];
  }
  if (parts[0] === "traces") return [200, envelope(found(store.traces, url.searchParams))];
  return [404, { errors: [{ code: 404, msg: "no such API" }] }];
}

function status(store) {
  const now = Date.now();
  const spans = store.traces.reduce((n, t) => n + t.spans.length, 0);
  const oldest = Math.min(...store.traces.flatMap((t) => t.spans.map((s) => s.startTime / 1000)));
  return {
    version: "0.1.0",
    start_unix_ms: store.startMs - 754e3,
    now_unix_ms: now,
    received: {
      spans: spans + store.extra,
      metric_points: store.traces.length > 0 ? 8412 : 0,
      log_records: recordsOf(store.traces).length,
    },
    stored: {
      spans: spans + store.extra,
      traces: store.traces.length,
      bytes: spans * 190,
      oldest_unix_ms: spans > 0 ? Math.floor(oldest) : null,
    },
    dropped: { spans: 0 },
    endpoints: { otlp_grpc: "127.0.0.1:4317", otlp_http: "127.0.0.1:4318", ui: "127.0.0.1:16686" },
  };
}

const UNITS = { ns: 1e-3, us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
const micros = (text) =>
  text
    ? [...text.matchAll(/([\d.]+)(ns|us|ms|s|m|h)/g)].reduce(
        (sum, [, n, u]) => sum + n * UNITS[u],
        0,
      )
    : null;

function found(traces, ask) {
  const tags = Object.entries(JSON.parse(ask.get("tags") ?? "{}"));
  const [least, most] = [
    micros(ask.get("minDuration")) ?? 0,
    micros(ask.get("maxDuration")) ?? Infinity,
  ];
  const fits = (t) => (s) =>
    serviceOf(t, s) === ask.get("service") &&
    (!ask.get("operation") || s.operationName === ask.get("operation")) &&
    s.startTime >= Number(ask.get("start")) &&
    s.startTime <= Number(ask.get("end")) &&
    s.duration >= least &&
    s.duration <= most &&
    tags.every(([k, v]) => s.tags.some((tag) => tag.key === k && String(tag.value) === v));
  const hits = traces.filter((t) => t.spans.some(fits(t)));
  hits.sort((a, b) => b.spans[0].startTime - a.spans[0].startTime);
  return hits.slice(0, Number(ask.get("limit") ?? 100));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [page, port = "16686"] = process.argv.slice(2).filter((a) => !a.startsWith("--"));
  const server = await startMock({
    page,
    port: Number(port),
    empty: process.argv.includes("--empty"),
  });
  console.log(`http://127.0.0.1:${server.address().port}`);
}

// Traces as a real day brings them, in Jaeger's v1 JSON, the same on every run: a chat demo (some calls
// fail), a shop of three services, one trace of 2,000 spans and one of 10,000, and one whose every text
// tries to be markup. `nowMs` is the moment after the newest.

export const MARKUP = '<img src=x onerror="window.pwned=1">';

// A small generator with a fixed seed (mulberry32), so that a failing picture can be looked at again.
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function makeTraces(nowMs) {
  const random = randomFrom(7);
  const hex = (digits) =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
  const kit = { random, hex };
  const traces = [];
  for (let i = 0; i < 26; i++)
    traces.push(chat(kit, nowMs - 20e3 - i * 95e3 - random() * 60e3, i % 6 === 2));
  for (let i = 0; i < 18; i++)
    traces.push(shop(kit, nowMs - 45e3 - i * 150e3 - random() * 90e3, i % 7 === 3));
  traces.push(
    wide(kit, nowMs - 6 * 60e3, 2000),
    wide(kit, nowMs - 31 * 60e3, 10000),
    hostile(kit, nowMs - 9 * 60e3),
  );
  return traces;
}

function typeOf(value) {
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}

const pairs = (object) =>
  Object.entries(object).map(([key, value]) => ({ key, type: typeOf(value), value }));

const RESOURCE = {
  "service.version": "1.4.2",
  "host.name": "thinkpad",
  "process.pid": 4711,
  "telemetry.sdk.language": "c",
  "telemetry.sdk.name": "cryostorm",
};
const FAILED = { error: true, "otel.status_code": "ERROR" };

// add(service, name, parent's id, from ms, to ms, tags, [[ms, event]]) gives the new span's id.
function builder(kit, startMs) {
  const trace = { traceID: kit.hex(32), spans: [], processes: {}, warnings: null };
  const ids = new Map();
  const process = (service) => {
    if (!ids.has(service)) {
      ids.set(service, `p${ids.size + 1}`);
      trace.processes[ids.get(service)] = { serviceName: service, tags: pairs(RESOURCE) };
    }
    return ids.get(service);
  };
  const at = (ms) => Math.round((startMs + ms) * 1000);
  const add = (service, name, parent, from, to, tags = {}, logs = []) => {
    const spanID = kit.hex(16);
    trace.spans.push({
      traceID: trace.traceID,
      spanID,
      operationName: name,
      references: parent ? [{ refType: "CHILD_OF", traceID: trace.traceID, spanID: parent }] : [],
      startTime: at(from),
      duration: Math.max(1, Math.round((to - from) * 1000)),
      tags: pairs({ "span.kind": "internal", ...tags }),
      logs: logs.map(([ms, fields]) => ({ timestamp: at(ms), fields: pairs(fields) })),
      processID: process(service),
      warnings: null,
    });
    return spanID;
  };
  return { trace, add };
}

function chat(kit, startMs, fails) {
  const { trace, add } = builder(kit, startMs);
  const total = 60 + kit.random() ** 3 * 1800;
  const overloaded = fails ? { ...FAILED, "otel.status_description": "model overloaded" } : {};
  const root = add("llm-app", "POST /chat", null, 0, total, {
    "span.kind": "server",
    "http.request.method": "POST",
    "url.path": "/chat",
    "http.response.status_code": fails ? 503 : 200,
    "server.address": "localhost",
    "server.port": 8000,
    "user_agent.original": "curl/7.88.1",
    ...(fails ? FAILED : {}),
  });
  const prompt = { "chat.prompt_length": 42, "chat.streaming": false, ...overloaded };
  const operation = add("llm-app", "chat_operation", root, 0.08, total - 0.1, prompt);
  const model = {
    "span.kind": "client",
    "gen_ai.system": "simulated",
    "gen_ai.request.model": "frost-1",
    "gen_ai.request.temperature": 0.7,
    "gen_ai.usage.input_tokens": 42,
    "gen_ai.usage.output_tokens": fails ? 0 : 187,
    ...overloaded,
  };
  const exception = {
    event: "exception",
    "exception.type": "UpstreamError",
    "exception.message": "model overloaded, try again in 2 s",
    "exception.stacktrace": [
      "UpstreamError: model overloaded, try again in 2 s",
      "    at simulate_call (examples/llm_app/llm.c:88)",
      "    at chat_operation (examples/llm_app/chat.c:41)",
      "    at on_request (examples/llm_app/main.c:120)",
    ].join("\n"),
  };
  const then = fails ? [total * 0.93, exception] : [total * 0.4, { event: "first token" }];
  add("llm-app", "llm.simulate_call", operation, 0.3, total * 0.94, model, [
    [1.2, { event: "request sent", bytes: 512 }],
    then,
  ]);
  return trace;
}

function shop(kit, startMs, fails) {
  const { trace, add } = builder(kit, startMs);
  const scale = 0.5 + kit.random() * 2;
  const ms = (x) => x * scale;
  const failed = fails ? FAILED : {};
  const root = add("web-frontend", "GET /checkout", null, 0, ms(212), {
    "span.kind": "server",
    "http.request.method": "GET",
    "http.route": "/checkout",
    "http.response.status_code": fails ? 500 : 200,
    ...failed,
  });
  add("web-frontend", "session.load", root, ms(0.4), ms(6), { "cache.hit": true });
  cartOf(add, root, ms);
  const pay = add("web-frontend", "POST /payments", root, ms(60), ms(201), {
    "span.kind": "client",
  });
  const payment = add("payment-service", "POST /payments", pay, ms(64), ms(198), {
    "span.kind": "server",
    ...failed,
  });
  add("payment-service", "risk.score", payment, ms(66), ms(104), { "risk.score": 0.12 });
  const reset = {
    event: "exception",
    "exception.type": "ConnectionReset",
    "exception.message": "connection reset by peer",
  };
  const tags = {
    "span.kind": "client",
    "payment.amount_cents": 4990,
    "payment.currency": "EUR",
    "card.network": "visa",
    "card.3ds": true,
    ...failed,
    ...(fails ? { "otel.status_description": "connection reset by peer" } : {}),
  };
  const charge = add(
    "payment-service",
    "card.charge",
    payment,
    ms(105),
    ms(190),
    tags,
    fails ? [[ms(188), reset]] : [],
  );
  for (let i = 0; i < (fails ? 3 : 1); i++)
    add("payment-service", "tls.connect", charge, ms(107 + i * 25), ms(125 + i * 25), {
      "network.peer.address": "10.0.0.7",
    });
  trace.spans[1].references.push({
    refType: "FOLLOWS_FROM",
    traceID: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanID: "00f067aa0ba902b7",
  });
  return trace;
}

function cartOf(add, root, ms) {
  const call = add("web-frontend", "GET /cart/{id}", root, ms(7), ms(58), {
    "span.kind": "client",
    "server.address": "cart:8080",
  });
  const cart = add("cart-service", "GET /cart/{id}", call, ms(10), ms(55), {
    "span.kind": "server",
    "http.route": "/cart/{id}",
  });
  for (let i = 0; i < 4; i++)
    add("cart-service", "SELECT cart_items", cart, ms(12 + i * 10), ms(20 + i * 10.5), {
      "span.kind": "client",
      "db.system.name": "postgresql",
      "db.query.text":
        "SELECT sku, quantity, price_cents\n  FROM cart_items\n WHERE cart_id = $1\n ORDER BY position",
      "db.response.returned_rows": 3 + i,
    });
}

function wide(kit, startMs, n) {
  const { trace, add } = builder(kit, startMs);
  const names = [
    "orders.fetch",
    "orders.enrich",
    "SELECT orders",
    "cache.get",
    "serialize",
    "HTTP GET",
  ];
  const services = [
    "batch-worker",
    "order-service",
    "inventory",
    "pricing",
    "cache",
    "warehouse-eu-central-1",
  ];
  const root = add("batch-worker", "nightly-reconciliation", null, 0, 42000, { "batch.size": n });
  const open = [{ id: root, from: 0, to: 42000, depth: 0 }];
  for (let i = 1; i < n; i++) {
    const fresh = i % 9 === 0; // a step of the job itself; the others are somewhere below a late step
    const near = Math.min(open.length, 60);
    const parent = fresh ? open[0] : open[open.length - near + Math.floor(kit.random() * near)];
    const from = fresh
      ? (i / n) * 41000
      : parent.from + kit.random() * (parent.to - parent.from) * 0.6;
    const to =
      from +
      Math.min(Math.max(0.05, (parent.to - from) * kit.random() * 0.9), fresh ? 900 : Infinity);
    const failed = kit.random() < 0.01 ? FAILED : {};
    const service = services[Math.floor(kit.random() ** 2 * services.length)];
    const id = add(service, names[Math.floor(kit.random() * names.length)], parent.id, from, to, {
      "order.id": 100000 + i,
      ...failed,
    });
    if (parent.depth < 14) open.push({ id, from, to, depth: parent.depth + 1 });
  }
  return trace;
}

function hostile(kit, startMs) {
  const { trace, add } = builder(kit, startMs);
  const tags = {
    [MARKUP]: `"><svg onload=window.pwned=1>`,
    "url.full": "javascript:window.pwned=1",
    long: "A".repeat(4000),
    error: true,
    "otel.status_description": MARKUP,
  };
  const exception = {
    event: MARKUP,
    "exception.type": MARKUP,
    "exception.message": "</pre><b>bold</b>",
    "exception.stacktrace": `</pre>${MARKUP}`,
  };
  const root = add(
    `${MARKUP}-service`,
    `${MARKUP} <script>window.pwned=1</script>`,
    null,
    0,
    30,
    tags,
    [[5, exception]],
  );
  add("javascript:alert(1)", "{{constructor.constructor('window.pwned=1')()}}", root, 4, 21, {
    "emoji 🧊": "\u202eright to left",
    "": "empty key",
  });
  return trace;
}

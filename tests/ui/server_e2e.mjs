// From OTLP bytes to the pixels: a real cryostorm with its default configuration on free ports and an empty
// store, a trace sent to it, and the page in Chromium.
//
//   node tests/ui/server_e2e.mjs <cryostorm>
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checker, equal, launch, truth } from "./browser.mjs";
import { POLICY } from "./mock.mjs";
import { traceRequest } from "./otlp.mjs";
import { MARKUP } from "./samples.mjs";

const READY_MS = 20_000;

// ---- the server ----

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// configs/default.yaml, with every port and the directory replaced: what is tested is what users get.
async function configure(directory) {
  const ports = {};
  for (const name of ["4317", "4318", "16686", "9090", "3100", "13133"])
    ports[name] = await freePort();
  const text = readFileSync("configs/default.yaml", "utf8")
    .replace(/127\.0\.0\.1:(\d+)/g, (_, port) => `127.0.0.1:${ports[port]}`)
    .replace("./cryostorm-data", join(directory, "data"));
  const file = join(directory, "config.yaml");
  writeFileSync(file, text);
  return { file, grpc: ports["4317"], http: ports["4318"], page: ports["16686"] };
}

async function start(program, config) {
  const child = spawn(program, ["--config", config.file], { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => said.push(bytes));
  const ended = new Promise((resolve) =>
    child.on("exit", (code, signal) => resolve(code ?? signal)),
  );
  child.on("error", (error) => said.push(String(error)));
  for (
    const until = Date.now() + READY_MS;
    Date.now() < until;
    await new Promise((r) => setTimeout(r, 50))
  ) {
    if (child.exitCode !== null || child.pid === undefined) break;
    const answer = await fetch(`http://127.0.0.1:${config.page}/api/services`).catch(() => null);
    if (answer?.ok) return { child, ended };
  }
  child.kill("SIGKILL");
  throw new Error(`${program} did not get ready:\n${said.join("")}`);
}

// ---- what is sent to it ----

const traceId = randomBytes(16).toString("hex");
const [root, operation, call] = [0, 1, 2].map(() => randomBytes(8).toString("hex"));
const beganNs = BigInt(Date.now() - 5_000) * 1_000_000n;
const at = (ms) => beganNs + BigInt(Math.round(ms * 1e6));
const exception = {
  "exception.type": "UpstreamError",
  "exception.message": "model overloaded",
  "exception.stacktrace": "UpstreamError: model overloaded\n    at simulate_call (llm.c:88)",
};
const chat = traceRequest({ "service.name": "llm-app", "service.version": "1.4.2" }, [
  {
    traceId,
    id: root,
    name: "POST /chat",
    kind: 2,
    startNs: at(0),
    endNs: at(120),
    attributes: { "http.response.status_code": 503 },
  },
  {
    traceId,
    id: operation,
    parent: root,
    name: "chat_operation",
    kind: 1,
    startNs: at(1),
    endNs: at(119),
    attributes: { "chat.streaming": false },
  },
  {
    traceId,
    id: call,
    parent: operation,
    name: "llm.simulate_call",
    kind: 3,
    startNs: at(2),
    endNs: at(110),
    error: "model overloaded",
    attributes: {
      "gen_ai.request.model": "frost-1",
      "gen_ai.usage.input_tokens": 42,
      note: MARKUP,
    },
    events: [{ timeNs: at(100), name: "exception", attributes: exception }],
  },
]);
const hostile = traceRequest({ "service.name": `${MARKUP}-service` }, [
  {
    traceId: randomBytes(16).toString("hex"),
    id: randomBytes(8).toString("hex"),
    name: `${MARKUP}<script>window.pwned=1</script>`,
    kind: 1,
    startNs: at(0),
    endNs: at(1),
  },
]);

async function send(config, body, path = "/v1/traces", type = "application/x-protobuf") {
  const headers = { "content-type": type };
  const answer = await fetch(`http://127.0.0.1:${config.http}${path}`, {
    method: "POST",
    headers,
    body,
  });
  equal(answer.status, 200, "the answer to the export");
}

const attributes = (object) =>
  Object.entries(object).map(([key, value]) => ({ key, value: { stringValue: value } }));
const resource = {
  attributes: attributes({ "service.name": "llm-app", "service.version": "1.4.2" }),
};

// The log line of the inner call, and one outside of any trace.
const logs = JSON.stringify({
  resourceLogs: [
    {
      resource,
      scopeLogs: [
        {
          logRecords: [
            {
              timeUnixNano: String(at(100)),
              severityNumber: 17,
              severityText: "ERROR",
              body: { stringValue: "model overloaded" },
              traceId,
              spanId: call,
              attributes: attributes({ "gen_ai.request.model": "frost-1" }),
            },
            { timeUnixNano: String(at(0)), severityNumber: 9, body: { stringValue: MARKUP } },
          ],
        },
      ],
    },
  ],
});

// A counter that grew by 60 within a minute, and a gauge.
const point = (agoMs, value) => ({
  startTimeUnixNano: String(beganNs - 120_000_000_000n),
  timeUnixNano: String(beganNs - BigInt(agoMs) * 1_000_000n),
  asInt: String(value),
  attributes: attributes({ route: "/chat" }),
});
const metrics = JSON.stringify({
  resourceMetrics: [
    {
      resource,
      scopeMetrics: [
        {
          metrics: [
            {
              name: "chat.requests",
              description: "Requests to the chat endpoint",
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [point(60_000, 10), point(30_000, 40), point(0, 70)],
              },
            },
            { name: "active", gauge: { dataPoints: [point(0, 4)] } },
          ],
        },
      ],
    },
  ],
});

// ---- the checks ----

// Without fetch, which inflates by itself and knows no HEAD with a body's length.
function ask(base, path, headers = {}, method = "GET") {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(base + path, { method, headers, agent: false }, (answer) => {
      let size = 0;
      answer.on("data", (bytes) => (size += bytes.length));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, size }));
    });
    sent.on("error", reject).end();
  });
}

async function filesAreServedAsTheyShould(base) {
  const plain = await ask(base, "/");
  const packed = await ask(base, "/trace/abc", { "accept-encoding": "gzip" });
  const head = await ask(base, "/", {}, "HEAD");
  equal([plain.status, packed.status, head.status], [200, 200, 200], "status");
  equal(
    [plain.headers["content-encoding"], packed.headers["content-encoding"]],
    [undefined, "gzip"],
    "encoding",
  );
  truth(packed.size < plain.size, "packed is smaller");
  equal([head.size, head.headers["content-length"]], [0, String(plain.size)], "HEAD");
  for (const answer of [plain, packed, head]) {
    equal(answer.headers["content-security-policy"], POLICY, "the policy");
    equal(answer.headers["x-content-type-options"], "nosniff", "nosniff");
    equal(answer.headers["cache-control"], "no-cache", "the page is asked for again");
  }
  equal(
    (await ask(base, "/", { "if-none-match": plain.headers.etag })).status,
    304,
    "a current copy",
  );
  const data = await ask(base, "/api/services");
  equal(data.headers["content-type"], "application/json", "the API's type");
  equal(data.headers["x-content-type-options"], "nosniff", "nosniff on data");
  equal(data.headers["access-control-allow-origin"], undefined, "no other site may read");
  equal((await ask(base, "/assets/old.js")).status, 404, "a file of an older build");
  equal((await ask(base, "/api/nothing")).status, 404, "an API that is none");
  equal((await ask(base, "/", {}, "POST")).status, 405, "POST");
  equal((await ask(base, "/", { host: "evil.example" })).status, 403, "another host's name");
}

async function until(condition) {
  for (const end = Date.now() + READY_MS; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error("it did not come");
}

// What an empty view tells people to type into a shell, typed.
async function byHand(page) {
  await page.click("role=tab[name=Shell]");
  execFileSync("bash", ["-c", await text(page, ".code pre")], { stdio: "ignore" });
}

const text = (page, selector) => page.locator(selector).first().innerText();

async function checkAll(config, base, run) {
  await run(
    base,
    "an empty store says where to send, and shows the first trace by itself",
    {},
    async (page) => {
      await page.waitForSelector(".empty");
      truth(
        (await text(page, ".code pre")).includes(
          `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${config.http}`,
        ),
        "the real port",
      );
      await send(config, chat);
      await page.waitForSelector(".trace-list li");
      equal(await page.locator(".t-operation").allInnerTexts(), ["POST /chat"], "the list");
      await page.waitForFunction(
        () => document.querySelector(".live-total")?.textContent === "3 received",
      );
    },
  );
  await send(config, hostile);

  await run(
    base,
    "searching finds it by service, attribute and duration",
    { path: "/search" },
    async (page) => {
      await page.waitForFunction(() => document.querySelectorAll(".trace-list li").length === 2);
      await page.selectOption("select[name=service]", "llm-app");
      await page.fill("input[name=tags]", "gen_ai.request.model=frost-1");
      await page.fill("input[name=minDuration]", "100ms");
      await page.click(".f-submit");
      await page.waitForURL("**minDuration=100ms*");
      await page.waitForFunction(() => document.querySelectorAll(".trace-list li").length === 1);
      await page.fill("input[name=minDuration]", "10s");
      await page.click(".f-submit");
      await page.waitForSelector("text=No trace matches");
    },
  );

  await run(
    base,
    "the waterfall has its three spans",
    { path: `/trace/${traceId}` },
    async (page) => {
      await page.waitForSelector(".row");
      equal(
        await page.locator(".row .op").allInnerTexts(),
        ["POST /chat", "chat_operation", "llm.simulate_call"],
        "spans",
      );
      equal(
        await page.locator(".row").evaluateAll((all) => all.map((row) => row.ariaLevel)),
        ["1", "2", "3"],
        "levels",
      );
      await page.click(`#span-2`);
      await page.waitForURL(`**?span=${call}`);
      const details = await text(page, ".details");
      for (const part of [
        "frost-1",
        "42",
        "UpstreamError",
        "at simulate_call (llm.c:88)",
        "service.version",
        "Error: model overloaded",
        "client",
        MARKUP,
      ])
        truth(details.includes(part), `the details have ${part}`);
      equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    },
  );

  await run(
    base,
    "markup in telemetry is text",
    { path: `/search?service=${encodeURIComponent(`${MARKUP}-service`)}` },
    async (page) => {
      await page.click(".trace-list li a");
      await page.waitForSelector(".row");
      equal(await text(page, ".row .op"), `${MARKUP}<script>window.pwned=1</script>`, "the name");
      equal(await page.locator("main img, main script").count(), 0, "elements made from telemetry");
      equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    },
  );

  await run(
    base,
    "a trace that is not stored says so",
    { path: "/trace/abc", allow: ["404"] },
    async (page) => {
      equal(await text(page, ".message h1"), "No such trace here", "the title");
    },
  );

  await run(base, "the overview counts the server span", { path: "/services" }, async (page) => {
    const row = page.locator(".services tbody tr", { hasText: "llm-app" });
    truth(/^1[12]\d ms/.test(await row.locator(".s-p99").innerText()), "it took 120 ms");
    equal(await row.locator(".s-errors").innerText(), "0 %", "it did not fail, the inner call did");
    await row.locator("a", { hasText: "Traces" }).click();
    await page.waitForSelector(".trace-list li");
  });

  await run(
    base,
    "the first metric shows by itself, and its rate",
    { path: "/metrics" },
    async (page) => {
      await page.waitForSelector("text=Send your first metric");
      await byHand(page);
      await page.waitForSelector(".metric-list li:has-text('room_temperature')");
      await send(config, metrics, "/v1/metrics", "application/json");
      await until(async () => {
        const answer = await fetch(`${base}/api/v1/label/__name__/values`);
        return (await answer.json()).data.includes("chat_requests_total");
      });
      await page.click("[aria-label='Ask again']");
      await page.click(".metric-list li:has-text('chat_requests_total')");
      await page.waitForSelector(".metric-plot canvas");
      truth((await text(page, ".series-legend")).includes('job="llm-app"'), "the series");
      await page.click(".segments button:nth-child(2)");
      await page.waitForURL("**tab=table*");
      await page.fill("textarea", 'chat_requests_total{route="/chat"} - 30');
      await page.focus("textarea");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector("td.v-value")?.textContent === "40");
    },
  );

  await run(
    base,
    "PromQL that cannot be read is refused in the server's words",
    { path: `/metrics?query=${encodeURIComponent("rate(up")}`, allow: ["400"] },
    async (page) => {
      await page.waitForSelector(".failure-text");
      truth((await text(page, ".failure-text")).includes("parse error"), "the words");
    },
  );

  await run(
    base,
    "the first log line shows by itself, and its span",
    { path: "/logs" },
    async (page) => {
      await page.waitForSelector("text=Send your first log line");
      await byHand(page);
      await page.waitForSelector(".log.info:has-text('by hand')");
      await send(config, logs, "/v1/logs", "application/json");
      await page.click(".live-toggle");
      await page.waitForSelector(".log.error");
      await page.waitForSelector(".volume-plot canvas");
      equal(
        await page.locator(".log-body").allTextContents(),
        ["by hand", "model overloaded", MARKUP],
        "the lines",
      );
      await page.selectOption("select[name=least]", "17");
      await page.waitForFunction(() => document.querySelectorAll(".log").length === 1);
      await page.click(".log-line");
      truth((await text(page, ".log-details")).includes("gen_ai_request_model"), "its labels");
      await page.click("text=Open its span");
      await page.waitForURL(`**/trace/${traceId}?span=${call}`);
      await page.waitForSelector(".span-logs .log.error");
      await page.click(".th-actions a:has-text('Logs')");
      await page.waitForFunction(() => document.querySelectorAll(".log-list .log").length === 1);
      equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    },
  );

  await run(base, "files are served as they should", { path: "/search" }, () =>
    filesAreServedAsTheyShould(base),
  );
}

// ---- all of it ----

const directory = mkdtempSync(join(tmpdir(), "cryostorm-ui-"));
const browser = await launch();
const { run, failures, count } = checker(browser);
try {
  const config = await configure(directory);
  const { child, ended } = await start(process.argv[2], config);
  await checkAll(config, `http://127.0.0.1:${config.page}`, run);
  child.kill("SIGTERM");
  const code = await Promise.race([
    ended,
    new Promise((r) => setTimeout(r, READY_MS, "still running").unref()),
  ]);
  if (code !== 0) failures.push(`it ends with ${code} after SIGTERM`);
  if (code === "still running") child.kill("SIGKILL");
} finally {
  await browser.close();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`counts: ${count()} checks of the page over a real server`);
if (failures.length > 0) console.log(`FAILED: ${failures.join(", ")}`);
process.exit(failures.length > 0 ? 1 : 0);

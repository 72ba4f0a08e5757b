// The whole page in Chromium over a mock server, for what a real one cannot easily be made to hold:
// hostile names, ten thousand spans, a server that is gone.
//
//   node tests/ui/page_e2e.mjs <directory of the built page>
import { execFileSync } from "node:child_process";
import { checker, equal, launch, overflows, text, truth } from "./browser.mjs";
import { logsChecks } from "./logs_e2e.mjs";
import { metricsChecks } from "./metrics_e2e.mjs";
import { startMock } from "./mock.mjs";
import { MARKUP } from "./samples.mjs";
import { servicesChecks } from "./services_e2e.mjs";

const [page_dir] = process.argv.slice(2);
const server = await startMock({ page: page_dir });
const empty = await startMock({ page: page_dir, empty: true });
const at = (s) => `http://127.0.0.1:${s.address().port}`;
const base = at(server);

const everything = `start=0&end=${(Date.now() + 60_000) * 1000}&limit=100`;
async function tracesOf(service) {
  const response = await fetch(
    `${base}/api/traces?service=${encodeURIComponent(service)}&${everything}`,
  );
  return (await response.json()).data;
}
const chats = await tracesOf("llm-app");
const failed = chats.find((t) => t.spans[0].tags.some((tag) => tag.key === "error"));
const hostile = (await tracesOf("javascript:alert(1)"))[0];
const largest = (await tracesOf("batch-worker")).find((t) => t.spans.length === 10_000);

const browser = await launch();
const { run, failures, count } = checker(browser);

const rows = (page) => page.locator(".row");
// What the page tells people to compile has to.
function compiles(program) {
  const flags = [
    "-std=c17",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Iinclude",
    "-fsyntax-only",
    "-xc",
    "-",
  ];
  execFileSync("cc", flags, { input: program, stdio: ["pipe", "inherit", "inherit"] });
}

await run(base, "the list shows traces of all services", {}, async (page) => {
  await page.waitForSelector(".trace-list li");
  equal(await page.locator(".trace-list li").count(), 20, "rows");
  await page.waitForSelector(".scatter-plot canvas");
  const [first] = await page.locator(".t-when").allInnerTexts();
  truth(/ago|now/.test(first), `a time, not ${first}`);
});

await run(base, "a search is an address, and back undoes it", {}, async (page) => {
  await page.waitForSelector(".trace-list li");
  await page.selectOption("select[name=service]", "llm-app");
  await page.waitForURL("**/search?service=llm-app");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".t-operation")].every((e) => e.textContent === "POST /chat"),
  );
  await page.fill("input[name=tags]", "http.response.status_code=503");
  await page.click(".f-submit");
  await page.waitForURL("**tags=http.response.status_code*");
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".t-errors:not(:empty)").length ===
      document.querySelectorAll(".trace-list li").length,
  );
  await page.goBack();
  await page.waitForURL("**/search?service=llm-app");
  await page.waitForFunction(() => document.querySelector("input[name=tags]").value === ""); // the form follows
});

await run(base, "what is typed wrongly is said beside the field", {}, async (page) => {
  await page.fill("input[name=minDuration]", "100");
  await page.click(".f-submit");
  equal(await text(page, ".field-problem"), "A number and a unit: 100ms, 1.5s", "the problem");
  equal(new URL(page.url()).search, "", "the address");
});

await run(
  base,
  "a result opens as a waterfall",
  { path: "/search?service=llm-app" },
  async (page) => {
    await page.click(".trace-list li a");
    await page.waitForURL("**/trace/*");
    await page.waitForSelector(".row");
    equal(
      await page.locator(".row .op").allInnerTexts(),
      ["POST /chat", "chat_operation", "llm.simulate_call"],
      "spans",
    );
    equal(
      await rows(page).evaluateAll((all) => all.map((row) => row.getAttribute("aria-level"))),
      ["1", "2", "3"],
      "levels",
    );
    await page.click(".trace-head .icon-button");
    await page.waitForURL("**/search?service=llm-app");
  },
);

await run(
  base,
  "a span shows its attributes and its exception",
  { path: `/trace/${failed.traceID}` },
  async (page) => {
    await page.click(".row:nth-of-type(4)");
    await page.waitForSelector(".details");
    const details = await text(page, ".details");
    for (const part of [
      "gen_ai.request.model",
      "frost-1",
      "UpstreamError",
      "model overloaded",
      "at simulate_call (examples/llm_app/llm.c:88)",
      "service.version",
    ])
      truth(details.includes(part), `the details have ${part}`);
    await page.waitForURL(`**?span=${failed.spans[2].spanID}`);
  },
);

await run(
  base,
  "a link to a span opens it",
  { path: `/trace/${failed.traceID}?span=${failed.spans[1].spanID}` },
  async (page) => {
    await page.waitForSelector(".details");
    equal(await text(page, ".details h2"), "chat_operation", "the span");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".details", { state: "detached" });
  },
);

await run(
  base,
  "the keyboard walks the tree",
  { path: `/trace/${failed.traceID}` },
  async (page) => {
    await page.focus(".scroller");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowLeft"]) await page.keyboard.press(key); // second row collapses
    await page.waitForFunction(() => document.querySelectorAll(".row").length === 2);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    equal(await text(page, ".details h2"), "llm.simulate_call", "the span");
  },
);

await run(
  base,
  "finding steps through the matches",
  { path: `/trace/${largest.traceID}` },
  async (page) => {
    await page.waitForSelector(".row");
    await page.keyboard.press("/");
    await page.keyboard.type("orders.enrich");
    await page.waitForSelector(".row.matched");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    truth((await text(page, ".find-count")).startsWith("2/"), "the second match");
    await page.waitForSelector(".row.active.matched");
  },
);

await run(
  base,
  "ten thousand spans scroll with few rows",
  { path: `/trace/${largest.traceID}` },
  async (page) => {
    await page.waitForSelector(".row");
    truth((await rows(page).count()) < 80, "rows in the document at the top");
    await page.focus(".scroller");
    await page.keyboard.press("End");
    await page.waitForFunction(() => document.querySelector(".row.active") !== null);
    equal(await page.locator(".row.active").getAttribute("id"), "span-9999", "the last row");
    truth((await rows(page).count()) < 80, "rows in the document at the end");
  },
);

await run(
  base,
  "dragging over the overview zooms, and back",
  { path: `/trace/${largest.traceID}` },
  async (page) => {
    await page.waitForSelector(".row");
    const box = await page.locator(".minimap").boundingBox();
    const x = (part) => box.x + box.width * part;
    await page.mouse.move(x(0.5), box.y + 30);
    await page.mouse.down();
    await page.mouse.move(x(0.6), box.y + 30, { steps: 4 });
    await page.mouse.up();
    truth(
      /^2\d\S* s – 2\d\S* s$/.test((await text(page, ".unzoom")).trim()),
      "the stretch from 21 s to 25 s of 42",
    );
    await page.waitForFunction(() => document.querySelector(".scroller").scrollTop > 1000); // where that stretch begins
    await page.mouse.dblclick(x(0.9), box.y + 30);
    await page.waitForSelector(".unzoom", { state: "detached" });
  },
);

await run(
  base,
  "markup in telemetry is text",
  { path: `/trace/${hostile.traceID}?span=${hostile.spans[0].spanID}` },
  async (page) => {
    await page.waitForSelector(".details");
    equal(await text(page, ".details h2"), `${MARKUP} <script>window.pwned=1</script>`, "the name");
    truth((await text(page, ".details")).includes(`</pre>${MARKUP}`), "the stack trace");
    equal(
      await page.locator("main img, main script, main svg:not([class])").count(),
      0,
      "elements made from telemetry",
    );
    equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    equal(await page.locator("main a[href^='javascript']").count(), 0, "links made from telemetry");
  },
);

await run(
  base,
  "markup in the list is text",
  { path: `/search?service=${encodeURIComponent(`${MARKUP}-service`)}` },
  async (page) => {
    await page.waitForSelector(".trace-list li");
    truth((await text(page, ".t-operation")).startsWith(MARKUP), "the name");
    await page.locator(".trace-list li").first().hover();
    await page.waitForSelector(".tip");
    equal(await page.locator("main img, main script").count(), 0, "elements made from telemetry");
    equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
  },
);

await run(
  base,
  "a trace that is not there says what to do",
  { path: "/trace/abc", allow: ["404"] },
  async (page) => {
    await page.waitForSelector(".message");
    truth(
      (await text(page, ".message")).includes("the store goes back to"),
      "why it may be missing",
    );
  },
);

await run(
  base,
  "data of no known shape break one view",
  { path: "/trace/abc", allow: ["404"] },
  async (page) => {
    const span = {
      traceID: "abc",
      spanID: "1",
      operationName: "x",
      processID: "p",
      startTime: 1,
      duration: 1,
      logs: [{}],
    };
    await page.route("**/api/traces/abc", (route) =>
      route.fulfill({ json: { data: [{ traceID: "abc", spans: [span], processes: {} }] } }),
    );
    await page.click("text=Look again");
    await page.waitForSelector("text=This view broke");
    await page.click("text=Search for traces");
    await page.waitForSelector(".trace-list li");
  },
);

await run(base, "an address that is none says so", { path: "/nowhere/at/all" }, async (page) => {
  equal(await text(page, "h1"), "There is no page here", "the title");
});

await run(base, "the chosen theme stays", {}, async (page) => {
  const background = () =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const before = await background();
  await page.click("[aria-label='Use the dark theme']");
  const dark = await background();
  truth(dark !== before, "it changed");
  await page.reload();
  await page.waitForSelector(".trace-list li");
  equal(await background(), dark, "after loading again");
});

await run(base, "the live count shows where to send", {}, async (page) => {
  await page.click(".live-button");
  await page.waitForSelector(".live-panel .line");
  const panel = await text(page, ".live-panel");
  truth(
    panel.includes("http://127.0.0.1:4318") && panel.includes("http://127.0.0.1:4317"),
    "the endpoints",
  );
  await page.waitForSelector(".sparkline canvas");
});

for (const [name, path] of [
  ["list", "/search"],
  ["trace", `/trace/${failed.traceID}`],
  ["details", `/trace/${failed.traceID}?span=${failed.spans[2].spanID}`],
])
  await run(
    base,
    `the ${name} fits on a telephone`,
    { path, width: 390, height: 844 },
    async (page) => {
      await page.waitForSelector(path === "/search" ? ".trace-list li" : ".row");
      equal(await overflows(page), false, "sideways scrolling");
    },
  );

await servicesChecks(run, base, at(empty));
await metricsChecks(run, base, at(empty));
await logsChecks(run, base, at(empty), failed);

await run(at(empty), "an empty store says how to fill it, and notices", {}, async (page) => {
  await page.waitForSelector(".empty");
  truth(
    (await text(page, ".code pre")).includes("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"),
    "the setting",
  );
  await page.click("role=tab[name=C]");
  compiles(/<<'EOF'\n(.*)\nEOF/s.exec(await text(page, ".code pre"))[1]);
  await fetch(`${at(empty)}/mock/fill`);
  await page.waitForSelector(".trace-list li");
});

await run(
  at(empty),
  "a server that goes is missed",
  { allow: ["Failed to load resource"] },
  async (page) => {
    await page.waitForSelector(".trace-list li");
    empty.close();
    empty.closeAllConnections();
    await page.waitForSelector(".pulse.offline");
    await page.click(".f-submit");
    await page.waitForSelector("text=The server does not answer");
  },
);

await browser.close();
server.close();
console.log(`counts: ${count()} checks of the page over a mock`);
if (failures.length > 0) console.log(`FAILED: ${failures.join(", ")}`);
process.exit(failures.length > 0 ? 1 : 0);

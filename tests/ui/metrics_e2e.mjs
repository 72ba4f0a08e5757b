// The metrics view in Chromium over the mock.
import { equal, overflows, text, truth } from "./browser.mjs";

const RATE = `/metrics?query=${encodeURIComponent("rate(chat_requests_total[5m])")}`;

export async function metricsChecks(run, base, empty) {
  await run(
    base,
    "metrics are listed, and one leads to a plot",
    { path: "/metrics" },
    async (page) => {
      await page.waitForSelector(".metric-list li");
      equal(await text(page, ".metric-list h2"), "7 metrics", "a histogram counts once");
      await page.fill(".metric-list input", "chat endpoint");
      await page.waitForFunction(() => document.querySelectorAll(".metric-list li").length === 1);
      await page.click(".metric-list li a");
      await page.waitForURL("**/metrics?query=rate*");
      await page.waitForSelector(".metric-plot canvas");
      equal(await page.locator(".series-legend tbody tr").count(), 6, "series");
      truth((await text(page, ".legend-common")).includes('job="llm-app"'), "what they share");
      truth(
        (await text(page, ".metric-info")).includes("Requests to the chat endpoint"),
        "the help",
      );
    },
  );

  await run(
    base,
    "names, labels and values are offered while typing",
    { path: "/metrics" },
    async (page) => {
      await page.waitForSelector(".metric-list li");
      await page.click("textarea");
      await page.keyboard.type("chat_r");
      await page.waitForSelector(".suggestions li");
      await page.keyboard.press("Tab");
      await page.keyboard.type("{rou");
      await page.waitForSelector(".suggestions li:has-text('route')");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".suggestions li:has-text('/health')");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      truth(
        (await page.getAttribute("textarea", "aria-activedescendant")) === "suggestion-1",
        "for readers",
      );
      await page.keyboard.press("Enter");
      await page.keyboard.type("}");
      equal(await page.inputValue("textarea"), 'chat_requests_total{route="/health"}', "the query");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".metric-plot canvas");
      equal(await page.locator(".series-legend tbody tr").count(), 2, "series");
    },
  );

  await run(
    base,
    "a plot shows the values under the pointer and zooms",
    { path: RATE },
    async (page) => {
      await page.waitForSelector(".metric-plot canvas");
      const box = await page.locator(".metric-plot .u-over").boundingBox();
      await page.mouse.move(box.x + box.width / 2, box.y + 60);
      await page.waitForSelector(".plot-tip");
      truth(/^\d\d:\d\d:\d\d$/.test(await text(page, ".legend-at")), "the legend's moment");
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL("**from=*to=*");
      const params = new URL(page.url()).searchParams;
      const minutes = (params.get("to") - params.get("from")) / 60e3;
      truth(minutes > 13 && minutes < 17, `a quarter of an hour, not ${minutes} min`);
      await page.waitForSelector(".time-picker .f-moment");
      await page.goBack();
      await page.waitForSelector(".time-picker .f-moment", { state: "detached" });
    },
  );

  await run(base, "a line can be looked at alone", { path: RATE }, async (page) => {
    await page.waitForSelector(".metric-plot canvas");
    await page.click(".series-legend tbody tr:nth-child(3) button");
    equal(await page.locator(".series-legend .faded").count(), 5, "the others step back");
    await page.click(".series-legend tbody tr:nth-child(3) button");
    equal(await page.locator(".series-legend .faded").count(), 0, "and return");
  });

  await run(
    base,
    "a table has a column for every label",
    { path: "/metrics?query=chat_requests_total" },
    async (page) => {
      await page.click(".segments button:nth-child(2)");
      await page.waitForURL("**tab=table*");
      await page.waitForSelector(".vector tbody tr");
      equal(
        await page.locator(".vector thead th").allInnerTexts(),
        ["name", "instance", "job", "route", "status", "value"],
        "columns",
      );
      await page.fill("textarea", "1 + 1");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelectorAll(".vector tbody tr").length === 1);
      equal(await text(page, ".vector .v-value >> nth=1"), "2", "a scalar");
    },
  );

  await run(
    base,
    "a query that is refused is refused in the server's words",
    { path: `/metrics?query=${encodeURIComponent("rate(up")}`, allow: ["400"] },
    async (page) => {
      await page.waitForSelector(".failure");
      equal(
        await text(page, ".failure-text"),
        "1:5: parse error: unclosed left parenthesis",
        "the words",
      );
      await page.fill("textarea", "active_requests");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".metric-plot canvas");
    },
  );

  await run(
    base,
    "a query without a series says what may be the reason",
    { path: "/metrics?query=nothing" },
    async (page) => {
      await page.waitForSelector("text=No series");
      await page.click("text=All metrics");
      await page.waitForSelector(".metric-list li");
    },
  );

  await run(
    base,
    "a service's metrics are its own",
    { path: "/metrics?service=cart-service" },
    async (page) => {
      await page.waitForSelector(".metric-list li");
      equal(await page.locator(".m-name").allInnerTexts(), ["queue_depth"], "the list");
      await page.click("[aria-label='Of all services']");
      await page.waitForFunction(() => document.querySelectorAll(".metric-list li").length === 7);
    },
  );

  await run(
    base,
    "markup in metrics is text",
    { path: "/metrics?query=hostile_gauge&tab=table" },
    async (page) => {
      await page.waitForSelector(".vector tbody tr");
      truth((await text(page, ".vector")).includes("<script>window.pwned=1"), "the label");
      equal(await page.locator("main img, main script").count(), 0, "elements made from telemetry");
      equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    },
  );

  await run(
    base,
    "a server without metrics says so",
    { path: "/nowhere", allow: ["404"] },
    async (page) => {
      await page.route("**/api/v1/**", (route) =>
        route.fulfill({ status: 404, contentType: "text/plain", body: "not found" }),
      );
      await page.click("nav a:nth-child(3)");
      await page.waitForSelector("text=Prometheus’ API is not served here");
    },
  );

  await run(empty, "no metrics yet: how to send one", { path: "/metrics" }, async (page) => {
    await page.waitForSelector("text=Send your first metric");
    await page.click("role=tab[name=Shell]");
    truth(
      (await text(page, ".code pre")).includes("http://127.0.0.1:4318/v1/metrics"),
      "the real port",
    );
  });

  for (const dark of [false, true])
    for (const [name, path] of [
      ["list", "/metrics"],
      ["plot", RATE],
      ["table", `${RATE}&tab=table`],
    ])
      await run(
        base,
        `the ${name} of metrics fits on a telephone, ${dark ? "dark" : "light"}`,
        { path, width: 390, height: 844, dark },
        async (page) => {
          await page.waitForSelector(".metric-list li, .metric-plot canvas, .vector tbody tr");
          equal(await overflows(page), false, "sideways scrolling");
        },
      );
}

// The overview of services in Chromium over the mock.
import { equal, overflows, text, truth } from "./browser.mjs";
import { MARKUP } from "./samples.mjs";

export async function servicesChecks(run, base, empty) {
  await run(base, "the overview counts every service", { path: "/services" }, async (page) => {
    await page.waitForSelector(".services tbody tr");
    equal(await text(page, "h1"), "12 services", "the title");
    const row = page.locator(".services tbody tr", { hasText: "payment-service" });
    truth(/ms|s/.test(await row.locator(".s-p95").innerText()), "a duration");
    truth(/%/.test(await row.locator(".s-errors a").innerText()), "errors");
    equal(await row.locator(".spark-line").count(), 1, "sparkline");
    truth(
      (await page.locator(".services tbody tr", { hasText: MARKUP }).count()) === 1,
      "markup is text",
    );
    equal(await page.locator("main img, main script").count(), 0, "elements made from telemetry");
  });

  await run(
    base,
    "the overview's order and time are its address",
    { path: "/services" },
    async (page) => {
      await page.waitForSelector(".services tbody tr");
      await page.click(".services thead .s-p99 a");
      await page.waitForURL("**/services?sort=p99");
      await page.waitForFunction(
        () => document.querySelector(".services tbody .svc").textContent === "batch-worker",
      );
      await page.selectOption("select[name=range]", "5m");
      await page.waitForURL("**/services?range=5m&sort=p99");
      await page.waitForFunction(() => document.querySelectorAll(".services tbody tr").length < 12);
      await page.goBack();
      await page.waitForFunction(
        () => document.querySelectorAll(".services tbody tr").length === 12,
      );
    },
  );

  await run(
    base,
    "errors and durations lead to their traces",
    { path: "/services" },
    async (page) => {
      const row = page.locator(".services tbody tr", { hasText: "payment-service" });
      await row.locator(".s-errors a").click();
      await page.waitForURL("**/search?service=payment-service&tags=error*");
      await page.waitForSelector(".trace-list li");
      equal(await page.locator(".t-errors:empty").count(), 0, "traces without an error");
      await page.goBack();
      await row.locator(".s-p99 a").click();
      await page.waitForURL("**minDuration=*sort=longest");
      await page.waitForSelector(".trace-list li");
    },
  );

  await run(
    base,
    "the views are reached by keyboard",
    { path: "/services?range=15m" },
    async (page) => {
      await page.waitForSelector(".services tbody tr");
      equal(await text(page, "nav [aria-current=page]"), "Services", "the current view");
      await page.focus("nav a:nth-child(2)");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".trace-list li");
      equal(await text(page, "nav [aria-current=page]"), "Traces", "the current view");
    },
  );

  await run(
    base,
    "an overview that is refused says why",
    { path: "/services?from=2000&to=1000" },
    async (page) => {
      await page.waitForSelector("text=The end must be later than the beginning");
    },
  );

  await run(
    base,
    "a server without the overview says so",
    { path: "/nowhere", allow: ["404"] },
    async (page) => {
      await page.route("**/api/cryo/services*", (route) =>
        route.fulfill({ status: 404, contentType: "text/plain", body: "not found" }),
      );
      await page.click("nav a:nth-child(1)");
      await page.waitForSelector("text=The overview is not served here");
    },
  );

  await run(empty, "an empty overview says how to fill it", { path: "/services" }, async (page) => {
    await page.waitForSelector(".empty");
  });

  for (const dark of [false, true])
    await run(
      base,
      `the overview fits on a telephone, ${dark ? "dark" : "light"}`,
      { path: "/services", width: 390, height: 844, dark },
      async (page) => {
        await page.waitForSelector(".services tbody tr");
        equal(await overflows(page), false, "sideways scrolling");
      },
    );
}

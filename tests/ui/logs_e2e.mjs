// The logs view in Chromium over the mock, and the ways between it and the traces.
import { equal, overflows, text, truth } from "./browser.mjs";

const query = (logql) => `/logs?query=${encodeURIComponent(logql)}`;
const FAILED = query('{service_name="llm-app"} |= "failed"');

export async function logsChecks(run, base, empty, failed) {
  await run(base, "logs are newest first, with their volume", { path: "/logs" }, async (page) => {
    await page.waitForSelector(".log");
    equal(await text(page, ".log-count"), "Newest 200 lines", "the title");
    const times = await page.locator(".log-time").allTextContents();
    equal(times, [...times].sort().reverse(), "the order");
    await page.waitForSelector(".volume-plot canvas");
    truth(/error\s+\d+/.test(await text(page, ".volume-levels")), "errors are counted");
    equal(
      (await page.locator(".log.error .log-level", { hasText: "error" }).count()) > 0,
      true,
      "severity",
    );
  });

  await run(
    base,
    "the fields write the query, and the address has it",
    { path: "/logs" },
    async (page) => {
      await page.waitForSelector(".log");
      await page.selectOption("select[name=service]", "llm-app");
      await page.waitForFunction(
        () => document.querySelector("textarea").value === '{service_name="llm-app"}',
      );
      await page.selectOption("select[name=least]", "17");
      await page.waitForURL("**severity_number*");
      await page.fill("input[name=text]", "chat_operation");
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        () =>
          document.querySelector("textarea").value ===
          '{service_name="llm-app"} |= "chat_operation" | severity_number >= 17',
      );
      await page.waitForFunction(() =>
        [...document.querySelectorAll(".log-body")].every((e) =>
          e.textContent.startsWith("chat_operation failed"),
        ),
      );
      await page.goBack();
      await page.waitForFunction(() => document.querySelector("input[name=text]").value === "");
    },
  );

  await run(base, "a label is added and taken away again", { path: "/logs" }, async (page) => {
    await page.waitForSelector(".log");
    await page.click(".add-label");
    await page.waitForSelector("select[name=label] option:has-text('service_version')", {
      state: "attached",
    });
    await page.selectOption("select[name=label]", "service_version");
    await page.waitForSelector("datalist option", { state: "attached" });
    await page.fill("input[name=value]", "1.4.2");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".condition");
    await page.click(".condition button");
    await page.waitForSelector(".condition", { state: "detached" });
  });

  await run(
    base,
    "a line opens, and leads to its span and back",
    { path: FAILED },
    async (page) => {
      await page.waitForSelector(".log");
      await page.click(".log-line");
      await page.waitForURL("**line=*");
      const details = await text(page, ".log.open");
      for (const part of [
        "trace_id",
        "span_id",
        "severity_text",
        "service_version",
        "1.4.2",
        "failed: upstream said 503",
      ])
        truth(details.includes(part), `the details have ${part}`);
      await page.click("text=Open its span");
      await page.waitForURL("**/trace/*?span=*");
      await page.waitForSelector(".span-logs .log.error");
      truth(
        (await text(page, ".span-logs")).includes("failed: upstream said 503"),
        "the span has the line",
      );
      await page.click(".span-logs a");
      await page.waitForSelector(".log-list .log");
      equal(await page.locator(".log-list .log").count(), 3, "the lines of one span");
      await page.click("[aria-label^='Without span_id']");
      await page.waitForFunction(() => document.querySelectorAll(".log-list .log").length === 6);
    },
  );

  await run(
    base,
    "a trace leads to its lines",
    { path: `/trace/${failed.traceID}` },
    async (page) => {
      await page.click(".th-actions a:has-text('Logs')");
      await page.waitForSelector(".log-list .log");
      truth((await page.inputValue("textarea")).includes(`trace_id="${failed.traceID}"`), "its id");
      equal(await page.locator(".log-list .log").count(), 6, "lines");
      await page.click(".log-trace");
      await page.waitForURL(`**/trace/${failed.traceID}?span=*`);
    },
  );

  await run(base, "a label of a line becomes a condition", { path: FAILED }, async (page) => {
    await page.click(".log-line");
    await page.click("[aria-label='Only lines with this thread_id']");
    await page.waitForFunction(() =>
      document.querySelector("textarea").value.endsWith('| thread_id="7"'),
    );
    await page.waitForSelector(".log");
  });

  await run(base, "the keyboard walks the lines", { path: FAILED }, async (page) => {
    await page.waitForSelector(".log");
    await page.focus(".log-line");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".log:nth-child(2).open");
    await page.reload();
    await page.waitForSelector(".log:nth-child(2).open");
    await page.focus(".log.open .log-line");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".log.open", { state: "detached" });
  });

  await run(base, "older lines follow", { path: "/logs?limit=100" }, async (page) => {
    await page.waitForSelector(".log");
    await page.click("text=Load older lines");
    await page.waitForFunction(() => document.querySelectorAll(".log").length > 150);
    const times = await page.locator(".log-time").allTextContents();
    equal(times, [...times].sort().reverse(), "the order");
  });

  await run(
    base,
    "dragging over the volume looks at that time",
    { path: "/logs" },
    async (page) => {
      await page.waitForSelector(".volume-plot canvas");
      const box = await page.locator(".volume-plot .u-over").boundingBox();
      await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.75, box.y + 30, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL("**from=*to=*");
      await page.waitForSelector(".log");
    },
  );

  await run(
    base,
    "LogQL beyond the fields is left to its text, and refused in the server's words",
    { path: query('{service_name="llm-app"} | json'), allow: ["400"] },
    async (page) => {
      await page.waitForSelector(".failure");
      truth(
        (await text(page, ".failure-text")).startsWith("parse error at line 1, col"),
        "the words",
      );
      truth((await text(page, ".beyond")).includes("more than the fields"), "the fields step back");
      await page.click(".beyond button");
      await page.waitForSelector(".log");
    },
  );

  await run(
    base,
    "lines that do not match say so",
    { path: query('{service_name="nobody"}') },
    async (page) => {
      await page.waitForSelector("text=No line matches");
      await page.click("text=Without the conditions");
      await page.waitForSelector(".log");
    },
  );

  await run(
    base,
    "markup in logs is text",
    { path: query('{service_name=~".+"} |= "onerror"') },
    async (page) => {
      await page.waitForSelector(".log");
      await page.click(".log-line");
      truth(
        (await text(page, ".log.open")).includes("<script>window.pwned=1</script>"),
        "the line",
      );
      equal(await page.locator("main img, main script").count(), 0, "elements made from telemetry");
      equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
    },
  );

  await run(
    base,
    "a server without logs says so, and its traces work",
    { path: "/nowhere" },
    async (page) => {
      await page.route("**/loki/**", (route) =>
        route.fulfill({ status: 200, contentType: "text/html", body: "<!doctype html>" }),
      );
      await page.click("nav a:nth-child(4)");
      await page.waitForSelector("text=Loki’s API is not served here");
      await page.evaluate(
        (url) => history.pushState({}, "", url),
        `/trace/${failed.traceID}?span=${failed.spans[0].spanID}`,
      );
      await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
      await page.waitForSelector("text=This server keeps no logs.");
    },
  );

  await run(empty, "no logs yet: how to send one", { path: "/logs" }, async (page) => {
    await page.waitForSelector("text=Send your first log line");
    await page.click("role=tab[name=Shell]");
    truth(
      (await text(page, ".code pre")).includes("http://127.0.0.1:4318/v1/logs"),
      "the real port",
    );
  });

  for (const dark of [false, true])
    await run(
      base,
      `logs fit on a telephone, ${dark ? "dark" : "light"}`,
      { path: FAILED, width: 390, height: 844, dark },
      async (page) => {
        await page.waitForSelector(".volume-plot canvas");
        await page.click(".log-line");
        await page.waitForSelector(".log-details");
        equal(await overflows(page), false, "sideways scrolling");
      },
    );
}

// Chromium for the tests of the page, and a list of checks that are run one after another.
//
// A page that complains fails its check: errors on the console, exceptions, violations of the security
// policy and requests to anywhere but the server under test.
import { existsSync } from "node:fs";
import { chromium } from "../../ui/node_modules/playwright-core/index.mjs";

const WAIT_MS = 10_000; // for anything to appear; a busy machine is slow, a broken page is slower

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath))
    throw new Error(
      `${executablePath} is missing: tools/setup --for test installs it, CHROMIUM=... names another`,
    );
  const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])]; // root may not use the sandbox
  return chromium.launch({ executablePath, args });
}

// run(base, name, options, async (page) => ...) opens a fresh page and fails with its first complaint.
export function checker(browser) {
  const failures = [];
  let count = 0;
  const run = async (base, name, options, body) => {
    const { path = "/", width = 1280, height = 800, dark = false, allow = [] } = options;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    const complaints = [];
    page.on("console", (message) => {
      if (
        ["error", "warning"].includes(message.type()) &&
        !allow.some((a) => message.text().includes(a))
      )
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith("data:"))
        complaints.push(`asked for ${request.url()}`);
    });
    count++;
    try {
      await page.goto(base + path);
      await body(page);
      if (complaints.length > 0) throw new Error(`the page complained: ${complaints.join("; ")}`);
      console.log(`  ok      ${name}`);
    } catch (error) {
      failures.push(name);
      console.log(
        `  FAILED  ${name}\n          ${String(error.message).split("\n").join("\n          ")}`,
      );
      if (process.env.SHOTS)
        await page
          .screenshot({ path: `${process.env.SHOTS}/${name.replace(/\W+/g, "-")}.png` })
          .catch(() => {});
    }
    await context.close();
  };
  return { run, failures, count: () => count };
}

export function equal(actual, expected, what) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: expected ${e}, got ${a}`);
}

export function truth(condition, what) {
  if (!condition) throw new Error(what);
}

export const text = (page, selector) => page.locator(selector).first().innerText();

export const overflows = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

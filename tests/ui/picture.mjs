// The picture in README.md, from made-up traces: node tests/ui/picture.mjs <built page> docs/images/page.png
import { launch } from "./browser.mjs";
import { startMock } from "./mock.mjs";

const [pageDir, file] = process.argv.slice(2);
const server = await startMock({ page: pageDir });
const base = `http://127.0.0.1:${server.address().port}`;
const range = `start=0&end=${(Date.now() + 60_000) * 1000}&limit=100`;
const answer = await fetch(`${base}/api/traces?service=payment-service&${range}`);
const trace = (await answer.json()).data.find((t) => t.spans.some((s) => s.logs.length > 0));
const failed = trace.spans.find((s) => s.logs.length > 0);

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
await page.goto(`${base}/trace/${trace.traceID}?span=${failed.spanID}`);
await page.waitForSelector(".details");
await page.waitForTimeout(12_000); // the sparkline gets something to show
await page.screenshot({ path: file });
await browser.close();
process.exit(0);

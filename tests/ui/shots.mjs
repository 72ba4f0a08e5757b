// Pictures of addresses of the page over the mock, light and dark, wide and on a telephone, to be looked at:
//   node tests/ui/shots.mjs <built page> <directory> [--empty] name=/address ...
import { launch } from "./browser.mjs";
import { startMock } from "./mock.mjs";

const [page_dir, directory, ...rest] = process.argv.slice(2);
const server = await startMock({ page: page_dir, empty: rest.includes("--empty") });
const base = process.env.BASE ?? `http://127.0.0.1:${server.address().port}`;
const browser = await launch();
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
for (const shot of rest.filter((a) => a.includes("="))) {
  const [name, address] = [shot.slice(0, shot.indexOf("=")), shot.slice(shot.indexOf("=") + 1)];
  for (const [size, viewport] of Object.entries(SIZES))
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport, colorScheme });
      const page = await context.newPage();
      page.on("console", (m) => m.type() === "error" && console.log(`${name}: ${m.text()}`));
      page.on("pageerror", (error) => console.log(`${name}: ${error}`));
      await page.goto(base + address);
      await page.waitForTimeout(1500); // charts arrive after the first paint
      await page.screenshot({ path: `${directory}/${name}-${size}-${colorScheme}.png` });
      await context.close();
    }
}
await browser.close();
process.exit(0);

import { nextLive, type Live, type Status } from "../../ui/src/api/status";
import { ago, bytes, duration, shortCount, ticks } from "../../ui/src/model/units";

test("durations have three significant digits and one unit", () => {
  const cases: [number, string][] = [
    [0, "0 µs"], [0.5, "500 ns"], [1, "1 µs"], [999, "999 µs"], [1000, "1 ms"], [1234, "1.23 ms"], [12_345, "12.3 ms"],
    [100_000, "100 ms"], [999_400, "999 ms"], [1_000_000, "1 s"], [42_000_000, "42 s"], [61_000_000, "1m 01s"], [3_725_000_000, "1h 02m"],
  ]; // prettier-ignore
  for (const [us, text] of cases) expect(duration(us)).toBe(text);
});

test("trailing zeros before the point stay", () => {
  expect(duration(10_000)).toBe("10 ms");
  expect(duration(100)).toBe("100 µs");
});

test("counts and sizes fit into five characters", () => {
  expect([0, 2.5, 3.0009, 999, 9999, 98_500, 1_200_000].map(shortCount)).toEqual([
    "0",
    "2.5",
    "3",
    "999",
    "9,999",
    "98.5k",
    "1.2M",
  ]);
  expect([0, 1023, 1024, 1536, 5 * 1024 ** 3].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1 KiB",
    "1.5 KiB",
    "5 GiB",
  ]);
});

test("a moment in the future is said to be one", () => {
  expect(ago(10_000, 9_000)).toBe("in the future");
  expect(ago(0, 3_000)).toBe("just now");
  expect(ago(0, 7_200_000)).toBe("2h ago");
});

test("rulers have round steps and never too many", () => {
  expect(ticks(0, 42_000_000, 5)).toEqual([0, 10_000_000, 20_000_000, 30_000_000, 40_000_000]);
  expect(ticks(0, 0, 5)).toEqual([]);
  for (const to of [1, 7, 99, 12_345, 9_999_999])
    for (const most of [1, 2, 5, 9])
      expect(ticks(0, to, most).length).toBeLessThanOrEqual(most + 1);
});

describe("the live rate", () => {
  const status = (now: number, spans: number, start = 1): Status => ({
    version: "0", start_unix_ms: start, now_unix_ms: now, received: { spans, metric_points: 0, log_records: 0 },
    stored: { spans, traces: 0, bytes: 0, oldest_unix_ms: null }, dropped: { spans: 0 }, endpoints: {},
  }); // prettier-ignore
  const fresh: Live = { state: "asking", status: null, rate: 0, rates: [0, 0, 0, 0, 0], known: 0 };

  test("is what came in, by the server's own clock", () => {
    const first = nextLive(fresh, status(1000, 500));
    expect(first.rate).toBe(0); // what came before the page was opened is no rate
    expect(nextLive(first, status(3000, 700)).rate).toBe(100);
  });
  test("is calm where spans come in batches", () => {
    const counts = [0, 30, 30, 30, 60, 60];
    const live = counts.reduce((l, spans, i) => nextLive(l, status(1000 * i, spans)), fresh);
    expect(live.rate).toBe(12); // 60 in 5 seconds
  });
  test("starts again with the server", () => {
    const before = nextLive(fresh, status(1000, 500));
    expect(nextLive(before, status(2000, 3, 1500)).rate).toBe(0);
  });
  test("keeps as much history as it had", () => {
    expect(nextLive(nextLive(fresh, status(1000, 0)), status(2000, 9)).rates).toEqual([
      0, 0, 0, 0, 9,
    ]);
  });
});

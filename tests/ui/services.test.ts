import type { ServiceRow } from "../../ui/src/api/services";
import {
  atLeast,
  errorShare,
  logShare,
  logsUrl,
  meanRate,
  metricsUrl,
  percent,
  rateText,
  servicesUrl,
  sortedRows,
  sortFromUrl,
  sparkPath,
  tracesUrl,
} from "../../ui/src/model/services";
import { rangeFromUrl } from "../../ui/src/model/time-range";

const row = (name: string, spans: number, errors: number, p99: number | null): ServiceRow => ({
  name,
  counted: "entry",
  spans,
  errors,
  p50_ms: p99,
  p95_ms: p99,
  p99_ms: p99,
  rate: [],
  error_rate: [],
});
const rows = [row("b", 10, 5, 3), row("a", 10, 0, 70), row("c", 900, 9, null)];
const names = (list: ServiceRow[]) => list.map((r) => r.name).join("");
const hour = rangeFromUrl(new URLSearchParams());

describe("the order of services", () => {
  it("puts most of it first, and equal ones by name", () => {
    expect(names(sortedRows(rows, "rate"))).toBe("cab");
    expect(names(sortedRows(rows, "errors"))).toBe("bca");
    expect(names(sortedRows(rows, "p99"))).toBe("abc");
    expect(names(sortedRows(rows, "name"))).toBe("abc");
  });
  it("is part of the address, and rate where that says nothing we know", () => {
    expect(sortFromUrl(new URLSearchParams("sort=p95"))).toBe("p95");
    expect(sortFromUrl(new URLSearchParams("sort=colour"))).toBe("rate");
    expect(servicesUrl(hour, "rate")).toBe("/services");
    expect(servicesUrl({ ...hour, range: "15m" }, "p95")).toBe("/services?range=15m&sort=p95");
  });
});

describe("numbers", () => {
  it("have a unit in which they are not far from one", () => {
    const text = (n: number) => Object.values(rateText(n)).join("/");
    expect([0, 1234, 2.5, 0.4, 0.02, 0.001].map(text)).toEqual([
      "0/s",
      "1,234/s",
      "2.5/s",
      "0.4/s",
      "1.2/min",
      "3.6/h",
    ]);
  });
  it("never show a failure as none", () => {
    expect([0, 0.00001, 0.024, 0.0999, 0.37, 1].map(percent)).toEqual([
      "0 %",
      "<0.1 %",
      "2.4 %",
      "10 %",
      "37 %",
      "100 %",
    ]);
  });
  it("are told of no spans at all", () => {
    expect(errorShare(row("x", 0, 0, null))).toBe(0);
    expect(meanRate(rows[2]!, { start: 0, end: 90, step: 1, complete: true, services: rows })).toBe(
      10,
    );
  });
});

describe("a sparkline", () => {
  it("spans its box", () => {
    expect(sparkPath([0, 2, 4], 4)).toBe("M0.0 24.0L50.0 13.0L100.0 2.0");
  });
  it("is nothing where nothing was", () => {
    expect(sparkPath([0, 0], 0)).toBe("");
    expect(sparkPath([1], 1)).toBe("");
  });
  it("has durations on a logarithmic line", () => {
    expect(logShare(1000, 1000)).toBe(1);
    expect(logShare(10, 1000)).toBeCloseTo(0.5);
    expect(logShare(0.01, 1000)).toBe(0.02);
  });
});

describe("what is behind a number", () => {
  const span = { from: 1000, to: 3_601_000 };
  it("is a search over the same time", () => {
    expect(tracesUrl("a b", span, hour)).toBe("/search?service=a+b");
    expect(tracesUrl("a", span, { ...hour, range: "custom", from: "1000", to: "3601000" })).toBe(
      "/search?service=a&lookback=custom&start=1000000&end=3601000000",
    );
    expect(tracesUrl("a", span, { ...hour, range: "30s" })).toContain("lookback=custom");
  });
  it("finds the spans it was measured from", () => {
    expect([0.0001, 0.5, 12.34, 1680].map(atLeast)).toEqual([
      "1us",
      "490us",
      "12.09ms",
      "1646.4ms",
    ]);
  });
  it("is asked for by a name that may hold anything", () => {
    expect(new URL(logsUrl('x"} or', hour), "http://h").searchParams.get("query")).toBe(
      '{service_name="x\\"} or"}',
    );
    expect(metricsUrl("shop", { ...hour, range: "15m" })).toBe("/metrics?service=shop&range=15m");
  });
});

import {
  alignedTo,
  fixedRange,
  periodText,
  rangeFromUrl,
  rangeParams,
  rangeProblem,
  resolveRange,
  secondsOf,
  stepFor,
} from "../../ui/src/model/time-range";

const from = (text: string) => rangeFromUrl(new URLSearchParams(text));

describe("a range in the address", () => {
  it("comes back as it was written", () => {
    for (const text of ["", "range=15m", "range=15m&live=1", "live=1", "from=1000&to=2000"])
      expect(new URLSearchParams(rangeParams(from(text))).toString()).toBe(text);
  });
  it("is the last hour where it says nothing readable", () => {
    for (const text of ["range=soon", "range=0h", "range=-1h", "from=5"])
      expect(from(text).range).toBe("1h");
  });
  it("is live only while it ends now", () => {
    expect(from("from=1&to=2&live=1").live).toBe(false);
  });
});

describe("a range", () => {
  it("ends now or where it was told to", () => {
    expect(resolveRange(from("range=15m"), 1e9)).toEqual({ from: 1e9 - 900e3, to: 1e9 });
    expect(resolveRange(from("from=1000&to=2000"), 1e9)).toEqual({ from: 1000, to: 2000 });
    expect(fixedRange({ from: 1.4, to: 2.2 })).toEqual({
      range: "custom",
      from: "1",
      to: "3",
      live: false,
    });
  });
  it("says what is wrong with it", () => {
    expect(rangeProblem(from("range=1h"))).toBeNull();
    expect(rangeProblem(from("from=1&to=2"))).toBeNull();
    expect(rangeProblem(from("from=2&to=1"))).toContain("later");
    expect(rangeProblem(from("range=custom&from=&to=1"))).toBe("When to begin?");
    expect(rangeProblem(from("from=1&to=x"))).toBe("When to stop?");
  });
});

describe("a step", () => {
  const span = (seconds: number) => ({ from: 0, to: seconds * 1000 });
  it("falls together with the clock", () => {
    expect(stepFor(span(3600), 240)).toBe(15);
    expect(stepFor(span(10), 240)).toBe(1);
    expect(stepFor(span(30 * 86400), 240)).toBe(10800);
    expect(stepFor(span(4000 * 86400), 240)).toBe(17 * 86400);
  });
  it("has points on its multiples", () => {
    expect(alignedTo({ from: 61_000, to: 130_000 }, 60)).toEqual({ start: 60, end: 180 });
    expect(alignedTo({ from: 60_000, to: 60_001 }, 60)).toEqual({ start: 60, end: 120 });
  });
  it("is written as the query languages do", () => {
    expect([1, 90, 300, 7200, 172800].map(periodText)).toEqual(["1s", "90s", "5m", "2h", "2d"]);
    expect(["15", "1m30s", "2h", "x", "1.5h", ""].map(secondsOf)).toEqual([
      15,
      90,
      7200,
      null,
      null,
      null,
    ]);
  });
});

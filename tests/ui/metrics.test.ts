import {
  families,
  filterFamilies,
  firstQuestion,
  infoOf,
  metricsFromUrl,
  metricsToUrl,
  serviceSelector,
  stepSeconds,
} from "../../ui/src/model/metrics";
import { accept, contextAt, matching } from "../../ui/src/model/query-context";
import {
  commonLabels,
  nameOf,
  numberOf,
  plotData,
  shortNumber,
  timeLabel,
  vectorTable,
} from "../../ui/src/model/series";

// "|" stands for the caret.
function at(text: string) {
  const caret = text.indexOf("|");
  return contextAt(text.replace("|", ""), caret);
}

describe("what stands at the caret", () => {
  it("is a name where one may begin", () => {
    for (const text of ["cha|", "rate(cha|", "a + cha|", "sum by (x) (cha|"])
      expect(at(text)).toMatchObject({ kind: "name", word: "cha" });
    expect(at("|").kind).toBe("name");
    expect(at("chat_|req total")).toMatchObject({ word: "chat_", to: 8 });
  });
  it("is a label in braces and in lists of labels", () => {
    expect(at("up{jo|")).toMatchObject({ kind: "label", word: "jo", metric: "up" });
    expect(at('up{job="a", in|}')).toMatchObject({ kind: "label", word: "in", metric: "up" });
    expect(at("{|")).toMatchObject({ kind: "label", word: "", metric: "" });
    expect(at("sum by (ro|")).toMatchObject({ kind: "list", word: "ro" });
    expect(at("sum without (a, b|) (x)")).toMatchObject({ kind: "list", word: "b" });
  });
  it("is a value between quotes", () => {
    expect(at('up{job="ap|i"}')).toMatchObject({ kind: "value", word: "ap", label: "job", to: 11 });
    expect(at('up{job=~"|')).toMatchObject({ kind: "value", label: "job", metric: "up" });
    expect(at('up{a="}", b="x|')).toMatchObject({ kind: "value", label: "b" });
    expect(at('up{a="\\"{", b|')).toMatchObject({ kind: "label", word: "b" });
  });
  it("is a range in brackets, and nothing elsewhere", () => {
    expect(at("rate(x[5|")).toMatchObject({ kind: "range", word: "5" });
    for (const text of ['up{job|="x"} "a|', "up{job=|", '{} |= "so|', "5m|"])
      expect(
        at(text.replace("|", text.indexOf("|") === text.lastIndexOf("|") ? "|" : "")).kind,
      ).toBe("none");
  });
});

describe("taking a suggestion", () => {
  const take = (text: string, chosen: string) => {
    const caret = text.indexOf("|");
    const plain = text.replace("|", "");
    const next = accept(plain, contextAt(plain, caret), { text: chosen });
    return `${next.text.slice(0, next.caret)}|${next.text.slice(next.caret)}`;
  };
  it("replaces the word and leaves the caret where one goes on", () => {
    expect(take("rate(cha|", "chat_total")).toBe("rate(chat_total|");
    expect(take("up{jo|}", "job")).toBe('up{job="|}');
    expect(take('up{jo|="x"}', "job")).toBe('up{job|="x"}');
    expect(take('up{job="|', "api")).toBe('up{job="api"|');
    expect(take('up{job="a|x"}', "api")).toBe('up{job="api"|}');
    expect(take('up{job="|"}', 'a"b\\')).toBe('up{job="a\\"b\\\\"|}');
    expect(take("sum by (ro|)", "route")).toBe("sum by (route|)");
    expect(take("rate(x[|])", "5m")).toBe("rate(x[5m|])");
    expect(take("rate(x[|", "5m")).toBe("rate(x[5m]|");
  });
  it("offers beginnings before middles before letters in order", () => {
    const all = ["xchat", "chat", "c_h_a_t", "other"].map((text) => ({ text }));
    expect(matching(all, "chat").map((s) => s.text)).toEqual(["chat", "xchat", "c_h_a_t"]);
    expect(matching(all, "").length).toBe(4);
  });
});

describe("the address of the metrics view", () => {
  it("comes back as it was written", () => {
    for (const text of [
      "",
      "query=a%2Bb&tab=table&step=15s&service=x&range=6h",
      "query=up&from=1&to=2",
    ])
      expect(metricsToUrl(metricsFromUrl(new URLSearchParams(text)))).toBe(
        text === "" ? "/metrics" : `/metrics?${text}`,
      );
  });
  it("chooses a step where none is asked for, or none that can be read", () => {
    const hour = { from: 0, to: 3600e3 };
    expect(["", "1m", "2h", "soon", "0s"].map((step) => stepSeconds(step, hour))).toEqual([
      15, 60, 7200, 15, 15,
    ]);
  });
});

describe("metrics as people think of them", () => {
  const known = {
    requests_total: [{ type: "counter", help: "all requests", unit: "" }],
    took_seconds: [{ type: "histogram", help: "", unit: "seconds" }],
  };
  const names = [
    "up",
    "took_seconds_sum",
    "took_seconds_count",
    "took_seconds_bucket",
    "requests_total",
    "a_count",
  ];
  it("has a histogram once", () => {
    expect(families(names, known).map((f) => [f.name, f.type])).toEqual([
      ["a_count", "unknown"],
      ["requests_total", "counter"],
      ["took_seconds", "histogram"],
      ["up", "unknown"],
    ]);
    expect(families(["t_bucket", "t_sum", "t_count"], {}).map((f) => f.type)).toEqual([
      "histogram",
    ]);
  });
  it("has a first question that makes sense", () => {
    expect(firstQuestion("a_total", "counter")).toBe("rate(a_total[5m])");
    expect(firstQuestion("t", "histogram")).toBe(
      "histogram_quantile(0.95, sum by (le) (rate(t_bucket[5m])))",
    );
    expect(firstQuestion("a.b", "gauge")).toBe('{"a.b"}');
  });
  it("is found by any of its words", () => {
    const all = families(names, known);
    expect(filterFamilies(all, "ALL request").map((f) => f.name)).toEqual(["requests_total"]);
    expect(filterFamilies(all, "nothing")).toEqual([]);
  });
  it("knows a counter by its name with and without the ending", () => {
    expect(infoOf("x_total", { x: [{ type: "counter", help: "h", unit: "" }] })?.help).toBe("h");
    expect(infoOf("took_seconds_sum", known)?.unit).toBe("seconds");
    expect(infoOf("none", known)).toBeUndefined();
  });
  it("selects a service whatever it is called", () => {
    expect(serviceSelector("")).toBe("");
    expect(serviceSelector("a.b(c")).toBe('{job=~"(.+/)?a\\\\.b\\\\(c"}');
  });
});

describe("series", () => {
  const grid = { start: 100, end: 130, step: 10 };
  it("keep their gaps", () => {
    const { times, series } = plotData(
      [
        {
          metric: { a: "1" },
          values: [
            [100, "1"],
            [120, "+Inf"],
            [130, "3"],
            [999, "4"],
          ],
        },
      ],
      grid,
    );
    expect(times).toEqual([100, 110, 120, 130]);
    expect(series[0]).toMatchObject({
      values: [1, null, null, 3],
      last: 3,
      min: 1,
      max: 3,
      mean: 2,
    });
  });
  it("are told apart by what they do not share", () => {
    const all = [
      { __name__: "up", a: "1", b: "x" },
      { __name__: "up", a: "2", b: "x" },
    ];
    expect(commonLabels(all)).toEqual({ __name__: "up", b: "x" });
    expect(all.map((labels) => nameOf(labels, commonLabels(all)))).toEqual(['{a="1"}', '{a="2"}']);
    expect([nameOf({}), nameOf({ __name__: "up" }), nameOf({ q: 'a"b' })]).toEqual([
      "value",
      "up",
      '{q="a\\"b"}',
    ]);
  });
  it("without a single value are drawn as nothing", () => {
    expect(plotData([{ metric: {}, histograms: [] }], grid).series[0]).toMatchObject({
      last: null,
      mean: null,
    });
  });
  it("make a table with a column for every label", () => {
    const table = vectorTable([
      { metric: { __name__: "m", b: "1" }, value: [5, "7"] },
      { metric: { a: "2" }, histogram: [] },
    ]);
    expect(table.columns).toEqual(["__name__", "a", "b"]);
    expect(table.rows.map((r) => r.value)).toEqual(["7", "a histogram"]);
  });
});

describe("numbers on an axis", () => {
  it("are short and never wrong", () => {
    expect([0, 12, 1234, 1.5e6, 0.00123, 4.5e-7, -2500, Infinity, NaN, null].map(shortNumber)).toEqual([
      "0", "12", "1.234k", "1.5M", "0.00123", "4.5e-7", "-2.5k", "∞", "–", "–",
    ]); // prettier-ignore
    expect(["+Inf", "-Inf", "NaN", "1e-07"].map(numberOf)).toEqual([
      Infinity,
      -Infinity,
      NaN,
      1e-7,
    ]);
  });
  it("of time say the day where a new one begins", () => {
    const noon = new Date(2026, 10, 21, 12, 30, 5).getTime() / 1000;
    expect([timeLabel(noon, 5), timeLabel(noon, 60), timeLabel(noon, 86400)]).toEqual([
      "12:30:05",
      "12:30",
      "Nov 21",
    ]);
    expect(timeLabel(new Date(2026, 10, 22).getTime() / 1000, 3600)).toBe("Nov 22");
  });
});

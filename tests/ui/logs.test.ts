import {
  idsOf,
  joinOlder,
  levelOf,
  levelOfLabels,
  lineKeys,
  logsFromUrl,
  logsToUrl,
  msOf,
  newestFirst,
  olderEnd,
  prettyJson,
  traceUrl,
  volumeOf,
  type LogLine,
} from "../../ui/src/model/logs";
import {
  asksForLines,
  readLogql,
  serviceOf,
  textOf,
  volumeQuery,
  withLabel,
  withService,
  withText,
  writeLogql,
} from "../../ui/src/model/logql";
import { traceLogsUrl, traceQuery } from "../../ui/src/model/trace-logs";

const line = (ns: string, text = "", metadata = {}, stream = {}): LogLine => ({
  ns,
  line: text,
  stream,
  metadata,
  parsed: {},
});

describe("LogQL in the form", () => {
  it("is written as it was read", () => {
    for (const text of [
      '{service_name=~".+"}',
      '{service_name="a", env!="x\\"y"} |= "a b" != "c" |~ "d.*" !~ "e"',
      '{a="b"} | severity_number >= 13 | trace_id="4bf9" | user!="x"',
    ])
      expect(writeLogql(readLogql(text)!)).toBe(text);
  });
  it("may be typed with other spaces and quotes", () => {
    expect(writeLogql(readLogql(' { a = "b" ,c=~`d\\d` }|="x"|y="z" ')!)).toBe(
      '{a="b", c=~"d\\\\d"} |= "x" | y="z"',
    );
  });
  it("is left alone where it says more than the form can", () => {
    for (const text of [
      "",
      'rate({a="b"}[5m])',
      '{a="b"} | json',
      '{a="b"} | x > 5',
      '{a="b"} | x="y" or z="w"',
      '{a="b"} |= "x" or "y"',
      '{a="b"} | line_format "x"',
      '{a="b"',
      '{a="b" c="d"}',
      '{a="\\x41"}',
    ])
      expect(readLogql(text)).toBeNull();
  });
  it("changes by field", () => {
    const parts = readLogql('{service_name="a", env="p"} |= "x" != "y"')!;
    expect([serviceOf(parts), textOf(parts)]).toEqual(["a", "x"]);
    expect(writeLogql(withService(parts, "b"))).toBe('{service_name="b", env="p"} |= "x" != "y"');
    expect(writeLogql(withService(parts, ""))).toBe('{env="p"} |= "x" != "y"');
    expect(writeLogql(withText(parts, ""))).toBe('{service_name="a", env="p"} != "y"');
    expect(writeLogql(withText(parts, "z"))).toBe('{service_name="a", env="p"} |= "z" != "y"');
    expect(writeLogql(withService(readLogql('{service_name="a"}')!, ""))).toBe(
      '{service_name=~".+"}',
    );
  });
  it("takes labels of a line as conditions", () => {
    const all = readLogql('{service_name=~".+"}')!;
    const own = withLabel(all, "stream", { label: "service_name", op: "=", value: "a" });
    expect(writeLogql(own)).toBe('{service_name="a"}');
    const more = withLabel(own, "metadata", { label: "k", op: "=", value: "v" });
    expect(writeLogql(withLabel(more, "metadata", { label: "k", op: "=", value: "w" }))).toBe(
      '{service_name="a"} | k="w"',
    );
    const not = withLabel(own, "metadata", { label: "k", op: "!=", value: "v" });
    expect(writeLogql(withLabel(not, "metadata", { label: "k", op: "!=", value: "w" }))).toBe(
      '{service_name="a"} | k!="v" | k!="w"',
    );
  });
  it("asks for lines or for series", () => {
    expect([' {a="b"}', "rate({}[1m])", "sum(x)"].map(asksForLines)).toEqual([true, false, false]);
    expect(volumeQuery('{a="b"}', "1m")).toContain('(count_over_time({a="b"} [1m]))');
  });
});

describe("from traces to logs", () => {
  it("ids have their full length", () => {
    expect(traceQuery("a1")).toBe(`{service_name=~".+"} | trace_id="${"a1".padStart(32, "0")}"`);
    expect(readLogql(traceQuery("a1", "b2"))?.labels.map((m) => m.value.length)).toEqual([32, 16]);
  });
  it("the time is the trace's, with room for clocks and stragglers", () => {
    const params = new URL(traceLogsUrl("a1", 1e15, 2e6), "http://h").searchParams;
    expect([params.get("from"), params.get("to")]).toEqual(["999999940000", "1000000302000"]);
  });
});

describe("from a line to its trace", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  it("its ids are where its writer put them", () => {
    const ids = idsOf(line("1", "", { trace_id: trace, span_id: "00f067aa0ba902b7" }));
    expect(traceUrl(ids!)).toBe(`/trace/${trace}?span=00f067aa0ba902b7`);
    expect(traceUrl(idsOf(line("1", "", {}, { traceID: trace.toUpperCase() }))!)).toBe(
      `/trace/${trace}`,
    );
  });
  it("what is no id is none", () => {
    for (const id of ["", "0".repeat(32), "xyz", "javascript:alert(1)", "a".repeat(33)])
      expect(idsOf(line("1", "", { trace_id: id }))).toBeNull();
  });
});

describe("the severity of a line", () => {
  it("is its number, else its text, else what it says", () => {
    const of = (text: string, metadata = {}) => levelOf(line("1", text, metadata));
    expect(["1", "8", "9", "16", "17", "24"].map((n) => of("", { severity_number: n }))).toEqual([
      "trace", "debug", "info", "warn", "error", "fatal",
    ]); // prettier-ignore
    expect(of("ERROR", { severity_number: "9" })).toBe("info");
    expect(of("", { severity_text: "Warning" })).toBe("warn");
    expect(of("", { level: "crit" })).toBe("fatal");
    expect(of('{"msg":"x","level":"debug"}')).toBe("debug");
    expect(of("ts=1 level=error msg=x")).toBe("error");
    expect(of("2026-11-21 12:00:00 [main] WARN slow")).toBe("warn");
    expect(of("no terror here, for your information")).toBe("unknown");
    expect(of("", { severity_number: "99" })).toBe("unknown");
  });
  it("of a count is told by its labels alone", () => {
    expect(levelOfLabels({ detected_level: "error" })).toBe("error");
    expect(levelOfLabels({})).toBe("unknown");
  });
});

describe("lines", () => {
  const all = ["1700000000000000003", "1700000000000000001", "1700000000000000002"].map((ns) =>
    line(ns),
  );
  it("are newest first, to the nanosecond", () => {
    expect(
      newestFirst(all)
        .map((l) => l.ns.slice(-1))
        .join(""),
    ).toBe("321");
    expect(newestFirst([line("999"), line("1000")]).map((l) => l.ns)).toEqual(["1000", "999"]);
    expect([msOf(all[0]!), msOf(line("5"))]).toEqual([1700000000000, 0]);
  });
  it("have names also where they share a moment", () => {
    expect(lineKeys([line("5"), line("5"), line("4")])).toEqual(["5", "5.1", "4"]);
  });
  it("are joined with older ones without doubling or losing any", () => {
    const first = [line("9", "a"), line("7", "b"), line("7", "b")];
    const older = [line("7", "b"), line("7", "b"), line("7", "c"), line("5", "d")];
    expect(olderEnd(first)).toBe("8");
    expect(joinOlder(first, older).map((l) => l.line)).toEqual(["a", "b", "b", "c", "d"]);
    expect(joinOlder([], older).length).toBe(4);
  });
  it("that are JSON can be read", () => {
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect([prettyJson("{no"), prettyJson("5"), prettyJson("text")]).toEqual([null, null, null]);
  });
});

describe("the volume of lines", () => {
  it("is bars of severities, each in the middle of what it counts", () => {
    const { times, levels } = volumeOf(
      [
        {
          metric: { severity_number: "9" },
          values: [
            [60, "2"],
            [120, "3"],
          ],
        },
        { metric: { severity_text: "info" }, values: [[120, "1"]] },
        {
          metric: { severity_number: "17" },
          values: [
            [60, "1"],
            [999, "7"],
          ],
        },
      ],
      { start: 60, end: 120, step: 60 },
    );
    expect(times).toEqual([30, 90]);
    expect(levels).toEqual([
      { level: "info", values: [2, 4], total: 6 },
      { level: "error", values: [1, 0], total: 1 },
    ]);
  });
});

describe("the address of the logs view", () => {
  it("comes back as it was written", () => {
    for (const text of [
      "",
      "query=%7Ba%3D%22b%22%7D&limit=500&wrap=1&range=6h&line=17.1",
      "from=1&to=2",
    ])
      expect(logsToUrl(logsFromUrl(new URLSearchParams(text)))).toBe(
        text === "" ? "/logs" : `/logs?${text}`,
      );
  });
  it("asks for all lines where it names no query, and for a number of them that can be shown", () => {
    expect(logsFromUrl(new URLSearchParams()).query).toBe('{service_name=~".+"}');
    expect(["0", "x", "100000"].map((n) => logsFromUrl(new URLSearchParams({ limit: n })).limit)).toEqual([
      "200", "200", "200",
    ]); // prettier-ignore
  });
});

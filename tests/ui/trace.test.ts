import type { JaegerSpan, JaegerTrace } from "../../ui/src/api/jaeger";
import { criticalPath, selfTime } from "../../ui/src/model/critical-path";
import { summarize } from "../../ui/src/model/summary";
import { buildTrace, findSpans, visibleRows } from "../../ui/src/model/trace";

// "id<parent from-to": spans of one trace, times in microseconds.
function traceOf(...lines: string[]): JaegerTrace {
  const spans = lines.map((line): JaegerSpan => {
    const [, id, parent, from, to] = /^(\w+)(?:<(\w+))? (\d+)-(\d+)$/.exec(line)!;
    return {
      traceID: "t", spanID: id!, operationName: id!, processID: "p1", startTime: 1e15 + Number(from), duration: Number(to) - Number(from),
      references: parent ? [{ refType: "CHILD_OF", traceID: "t", spanID: parent }] : [],
    }; // prettier-ignore
  });
  return { traceID: "t", spans, processes: { p1: { serviceName: "s" } } };
}

const shape = (...lines: string[]) =>
  buildTrace(traceOf(...lines))!.spans.map((s) => `${"-".repeat(s.depth)}${s.id}`);

test("spans stand in the order of the tree, siblings by their start", () => {
  expect(shape("c<a 5-6", "b<a 1-9", "a 0-10", "d<b 2-3")).toEqual(["a", "-b", "--d", "-c"]);
});

test("every span is there once, however broken the trace", () => {
  expect(shape("b<missing 1-2", "a 0-9")).toEqual(["a", "b"]); // its parent never came
  expect(shape("a<b 0-9", "b<a 1-2")).toEqual(["a", "-b"]); // each other's parent
  expect(shape("a<a 0-9")).toEqual(["a"]); // its own parent
  expect(shape("a 0-9", "a 1-2", "b<a 3-4")).toEqual(["a", "-b", "a"]); // an id used twice
  expect(buildTrace(traceOf())).toBeNull();
});

test("a chain of 20,000 is no recursion", () => {
  const lines = Array.from({ length: 20_000 }, (_, i) =>
    i === 0 ? "s0 0-9" : `s${i}<s${i - 1} 0-9`,
  );
  const trace = buildTrace(traceOf(...lines))!;
  expect(trace.depth).toBe(20_000);
  expect(trace.spans[0]!.end).toBe(20_000);
  expect(criticalPath(trace.spans, 0).size).toBe(20_000);
});

test("collapsing hides the whole subtree and nothing else", () => {
  const { spans } = buildTrace(traceOf("a 0-10", "b<a 1-5", "c<b 2-3", "d<a 6-7"))!;
  expect(visibleRows(spans, new Set([1])).map((s) => s.id)).toEqual(["a", "b", "d"]);
  expect(visibleRows(spans, new Set([0])).map((s) => s.id)).toEqual(["a"]);
  expect(visibleRows(spans, new Set()).length).toBe(4);
});

test("the critical path is what the end was waiting for", () => {
  const { spans } = buildTrace(traceOf("a 0-100", "b<a 10-40", "c<a 20-90", "d<c 30-80"))!;
  const path = criticalPath(spans, 0);
  const on = (id: string) =>
    path.get(spans.find((s) => s.id === id)!.index)?.map((p) => `${p.from}-${p.to}`);
  expect(on("a")).toEqual(["90-100", "0-10"]);
  expect(on("c")).toEqual(["80-90", "20-30"]);
  expect(on("d")).toEqual(["30-80"]);
  expect(on("b")).toEqual(["10-20"]); // until c began, a waited for b
});

test("the stretches of the critical path are the whole trace, none twice", () => {
  const { spans } = buildTrace(
    traceOf("a 0-100", "b<a 10-40", "c<a 20-90", "d<c 30-80", "e<a 95-140", "f<b 11-12"),
  )!;
  const stretches = [...criticalPath(spans, 0).values()].flat().sort((x, y) => x.from - y.from);
  expect(stretches[0]!.from).toBe(0);
  for (let i = 1; i < stretches.length; i++) expect(stretches[i]!.from).toBe(stretches[i - 1]!.to);
  expect(stretches.at(-1)!.to).toBe(100);
});

test("a span's own time is what no child covers", () => {
  const { spans } = buildTrace(traceOf("a 0-100", "b<a 10-40", "c<a 30-60", "d<a 90-120"))!;
  expect(selfTime(spans, spans[0]!)).toBe(100 - 50 - 10);
});

test("status and kind are fields, other tags stay attributes", () => {
  const raw = traceOf("a 0-10");
  raw.spans[0]!.tags = [
    { key: "span.kind", type: "string", value: "server" },
    { key: "error", type: "bool", value: true },
    { key: "otel.status_description", type: "string", value: "broken" },
    { key: "http.route", type: "string", value: "/x" },
  ];
  const span = buildTrace(raw)!.spans[0]!;
  expect(span).toMatchObject({ kind: "server", error: true, statusText: "broken" });
  expect(span.tags.map((t) => t.key)).toEqual(["http.route"]);
  expect(summarize(raw)).toMatchObject({
    errors: 1,
    rootName: "a",
    services: [{ name: "s", spans: 1, errors: 1 }],
  });
});

test("finding looks into names, attributes and events, not into case", () => {
  const raw = traceOf("a 0-10", "b<a 1-2");
  raw.spans[1]!.logs = [
    {
      timestamp: 1,
      fields: [{ key: "exception.message", type: "string", value: "Connection RESET" }],
    },
  ];
  const { spans } = buildTrace(raw)!;
  expect(findSpans(spans, "reset")).toEqual([1]);
  expect(findSpans(spans, "  ")).toEqual([]);
});

// Loki's API over log lines made from the mock's traces, and some that belong to none. It knows as much of LogQL
// as the page's fields write: a selector, line filters, labels behind the pipe, and count_over_time.
import { MARKUP } from "./samples.mjs";

const LEVELS = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 };
const kind = (span) => span.tags.find((t) => t.key === "span.kind")?.value;
const failed = (span) => span.tags.some((t) => t.key === "error" && t.value === true);
const nanos = (us) => BigInt(Math.round(us)) * 1000n;

function record(us, service, severity, line, more = {}) {
  const metadata = { severity_text: severity, severity_number: String(LEVELS[severity]), ...more };
  return {
    ns: nanos(us),
    line,
    stream: { service_name: service, service_version: "1.4.2" },
    metadata,
  };
}

const made = new WeakMap();

export function recordsOf(traces) {
  if (made.has(traces)) return made.get(traces);
  const out = traces.filter((t) => t.spans.length < 100).flatMap(ofTrace);
  const now = Math.max(0, ...traces.map((t) => t.spans[0].startTime));
  if (traces.length > 0) out.push(...apart(now));
  out.sort((a, b) => (a.ns < b.ns ? 1 : a.ns > b.ns ? -1 : 0));
  made.set(traces, out);
  return out;
}

function ofTrace(trace) {
  return trace.spans
    .filter((span) => ["server", "internal"].includes(kind(span)))
    .flatMap((span) => {
      const service = trace.processes[span.processID].serviceName;
      const ids = { trace_id: trace.traceID, span_id: span.spanID, thread_id: "7" };
      const say = (part, severity, line) =>
        record(span.startTime + span.duration * part, service, severity, line, ids);
      return [
        say(0.1, "DEBUG", `enter ${span.operationName}`),
        say(
          0.4,
          "INFO",
          `${span.operationName}: handling the request, ${span.tags.length} attributes`,
        ),
        ...(failed(span)
          ? [say(0.9, "ERROR", `${span.operationName} failed: upstream said 503`)]
          : []),
      ];
    });
}

function apart(nowUs) {
  const out = [];
  for (let i = 0; i < 120; i++)
    out.push(
      record(
        nowUs - i * 31e6,
        "cron",
        i % 11 === 5 ? "WARN" : "INFO",
        JSON.stringify({ job: "sweep", round: i, took_ms: 3 + (i % 7) }),
      ),
    );
  const plain = record(nowUs - 5e6, "legacy", "INFO", "2026-11-21 ERROR disk nearly full");
  out.push({ ...plain, metadata: {} });
  out.push(
    record(nowUs - 4e6, `${MARKUP}-service`, "WARN", `${MARKUP}<script>window.pwned=1</script>`, {
      [MARKUP.slice(1, 4)]: MARKUP,
    }),
  );
  return out;
}

const STRING = String.raw`"((?:[^"\\]|\\.)*)"`;
const text = (quoted) => JSON.parse(`"${quoted}"`);

// null: not in this little language.
function compile(query) {
  let rest = query.trim();
  const tests = [];
  const eat = (pattern) => {
    const found = new RegExp(`^\\s*${pattern}`).exec(rest);
    if (found) rest = rest.slice(found[0].length);
    return found;
  };
  const compare = (value, op, wanted) => {
    const whole = new RegExp(`^(?:${wanted})$`, "s");
    return {
      "=": value === wanted,
      "!=": value !== wanted,
      "=~": whole.test(value),
      "!~": !whole.test(value),
    }[op];
  };
  if (!eat("\\{")) return null;
  for (let m; (m = eat(`,?\\s*(\\w+)\\s*(=~|!~|!=|=)\\s*${STRING}`));) {
    const [, label, op, value] = m;
    tests.push((r) => compare(r.stream[label] ?? "", op, text(value)));
  }
  if (!eat("\\}")) return null;
  while (rest.trim() !== "") {
    const line = eat(`(\\|=|\\|~|!=|!~)\\s*${STRING}`);
    const least = !line && eat("\\|\\s*severity_number\\s*>=\\s*(\\d+)");
    const label = !line && !least && eat(`\\|\\s*(\\w+)\\s*(=~|!~|!=|=)\\s*${STRING}`);
    if (line) {
      const has = (r) =>
        line[1].includes("~")
          ? new RegExp(text(line[2])).test(r.line)
          : r.line.includes(text(line[2]));
      tests.push((r) => has(r) === line[1].startsWith("|"));
    } else if (least)
      tests.push((r) => Number(r.metadata.severity_number ?? 0) >= Number(least[1]));
    else if (label)
      tests.push((r) =>
        compare(r.metadata[label[1]] ?? r.stream[label[1]] ?? "", label[2], text(label[3])),
      );
    else return null;
  }
  return (r) => tests.every((test) => test(r));
}

const good = (data) => [200, { status: "success", data }];
const bad = (message) => [400, message]; // Loki's errors are plain text

// parts: the path behind /loki/api/v1/
export function logsAnswer(parts, ask, traces) {
  const all = recordsOf(traces);
  const [from, to] = [BigInt(ask.get("start") ?? 0), BigInt(ask.get("end") ?? 0)];
  const within = all.filter((r) => r.ns >= from && r.ns < to);
  if (parts[0] === "labels")
    return good([...new Set(within.flatMap((r) => Object.keys(r.stream)))].sort());
  if (parts[0] === "label")
    return good([...new Set(within.map((r) => r.stream[parts[1]]).filter(Boolean))].sort());
  if (parts[0] !== "query_range") return [404, "no such API"];
  const query = ask.get("query") ?? "";
  const counted = /count_over_time\((.*) \[(\d+)([smhd])\]\)/s.exec(query);
  if (counted) return volume(all, counted, ask);
  const fits = compile(query);
  if (!fits)
    return bad(`parse error at line 1, col ${query.length + 1}: syntax error: unexpected $end`);
  return good(streams(within.filter(fits).slice(0, Number(ask.get("limit") ?? 100))));
}

function streams(records) {
  const byStream = new Map();
  for (const r of records) {
    const key = JSON.stringify(r.stream);
    if (!byStream.has(key)) byStream.set(key, { stream: r.stream, values: [] });
    byStream.get(key).values.push([String(r.ns), r.line, { structuredMetadata: r.metadata }]);
  }
  return {
    resultType: "streams",
    encodingFlags: ["categorize-labels"],
    result: [...byStream.values()],
  };
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };

function volume(all, [, query, n, unit], ask) {
  const fits = compile(query);
  if (!fits) return bad("parse error at line 1, col 1: syntax error");
  const width = Number(n) * SECONDS[unit];
  const step = Number(ask.get("step"));
  const [start, end] = ["start", "end"].map((name) => Number(BigInt(ask.get(name)) / 1000000000n));
  const groups = new Map();
  for (const r of all.filter(fits)) {
    const at = Number(r.ns) / 1e9;
    const i = Math.ceil((at - start) / step);
    const t = start + i * step;
    if (t > end || i < 0 || at <= t - width) continue;
    const labels = r.metadata.severity_text
      ? { severity_text: r.metadata.severity_text, severity_number: r.metadata.severity_number }
      : {};
    const key = JSON.stringify(labels);
    if (!groups.has(key)) groups.set(key, { metric: labels, counts: new Map() });
    const { counts } = groups.get(key);
    counts.set(t, (counts.get(t) ?? 0) + 1);
  }
  const result = [...groups.values()].map(({ metric, counts }) => ({
    metric,
    values: [...counts].sort(([a], [b]) => a - b).map(([t, count]) => [t, String(count)]),
  }));
  return good({ resultType: "matrix", result });
}

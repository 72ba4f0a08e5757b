// Prometheus' API over made-up metrics. It is no PromQL: it finds the metric's name, equal matchers, rate(),
// "sum by" and histogram_quantile() in the text, and refuses what is left open as Prometheus would.
import { MARKUP } from "./samples.mjs";

const llm = { job: "llm-app", instance: "a1" };
const series = [];
const add = (name, labels, value, counter = false) =>
  series.push({ labels: { __name__: name, ...labels }, value, counter });
const wave = (t, period, low, high, shift = 0) =>
  low + ((high - low) * (1 + Math.sin((t / period + shift) * 2 * Math.PI))) / 2;

for (const [i, route] of ["/chat", "/health", "/models"].entries())
  for (const [j, code] of ["200", "503"].entries())
    add(
      "chat_requests_total",
      { ...llm, route, status: code },
      (t) => wave(t, 1700 + 300 * i, 2, 12 / (i + 1), i / 3) / (j * 11 + 1),
      true,
    );
add("llm_tokens_total", { ...llm, direction: "input" }, (t) => wave(t, 2400, 800, 2100), true);
add("llm_tokens_total", { ...llm, direction: "output" }, (t) => wave(t, 2400, 300, 900, 0.1), true);
add("active_requests", llm, (t) => Math.round(wave(t, 900, 0, 9)));
add("process_resident_memory_bytes", llm, (t) => 61e6 + wave(t, 3000, 0, 9e6));
for (const le of ["0.1", "0.5", "1", "+Inf"])
  add("llm_request_duration_seconds_bucket", { ...llm, le }, () => 3, true);
add("llm_request_duration_seconds_sum", llm, () => 1.1, true);
add("llm_request_duration_seconds_count", llm, () => 3, true);
add("queue_depth", { job: "shop/cart-service", instance: "b7" }, (t) =>
  t % 3600 < 900 ? null : Math.round(wave(t, 1200, 3, 40)),
);
add("hostile_gauge", { job: MARKUP, text: `"><script>window.pwned=1</script>` }, () => 1);

const METADATA = {
  chat_requests_total: { type: "counter", help: "Requests to the chat endpoint", unit: "" },
  llm_tokens_total: { type: "counter", help: "Tokens read and written", unit: "" },
  active_requests: { type: "gauge", help: "Requests being answered now", unit: "" },
  process_resident_memory_bytes: { type: "gauge", help: "Resident memory", unit: "bytes" },
  llm_request_duration_seconds: { type: "histogram", help: "Time of one call", unit: "seconds" },
  hostile_gauge: { type: "gauge", help: MARKUP, unit: "" },
};

const good = (data, more = {}) => [200, { status: "success", data, ...more }];
const bad = (error) => [400, { status: "error", errorType: "bad_data", error }];

// parts: the path behind /api/v1/
export function metricsAnswer(parts, ask, empty) {
  const all = empty ? [] : series;
  const [what, name, end] = parts;
  const match = ask.get("match[]");
  const matched = match ? all.filter(matcher(match)) : all;
  if (what === "metadata")
    return good(
      empty ? {} : Object.fromEntries(Object.entries(METADATA).map(([k, v]) => [k, [v]])),
    );
  if (what === "labels")
    return good([...new Set(matched.flatMap((s) => Object.keys(s.labels)))].sort());
  if (what === "label" && end === "values")
    return good([...new Set(matched.map((s) => s.labels[name]).filter(Boolean))].sort());
  if (what === "query_range") return range(all, ask);
  if (what === "query") return instant(all, ask);
  return [404, { status: "error", errorType: "not_found", error: "no such API" }];
}

function matcher(text) {
  const name = /^\s*([A-Za-z_:][\w:]*)/.exec(text)?.[1];
  const pairs = [...text.matchAll(/(\w+)(=~|=)"((?:[^"\\]|\\.)*)"/g)].map(([, key, op, value]) => {
    const literal = JSON.parse(`"${value}"`);
    return [
      key,
      op === "=" ? (v) => v === literal : (v) => new RegExp(`^(?:${literal})$`).test(v ?? ""),
    ];
  });
  return (s) =>
    (!name || s.labels.__name__ === name) && pairs.every(([key, fits]) => fits(s.labels[key]));
}

function evaluate(all, query) {
  if (query === "1 + 1") return [{ labels: {}, at: () => 2 }];
  const rated = /\b(rate|increase)\(/.test(query);
  const names = new Set(all.map((s) => s.labels.__name__));
  const name = (query.match(/[A-Za-z_:][\w:]*/g) ?? []).find((word) => names.has(word)) ?? "none";
  const found = all.filter(matcher(name + (/\{[^}]*\}/.exec(query)?.[0] ?? "")));
  if (query.includes("histogram_quantile"))
    return found.length === 0 ? [] : [{ labels: {}, at: (t) => wave(t, 2000, 0.4, 1.6) }];
  const by = /sum\s+by\s*\((\w+)\)/.exec(query)?.[1];
  const at = (s) => (t) => (s.counter && !rated ? s.value(t) * (t % 1e5) : s.value(t));
  if (!by)
    return found.map((s) => {
      const { __name__, ...rest } = s.labels;
      return { labels: rated ? rest : { __name__, ...rest }, at: at(s) };
    });
  const groups = new Map();
  for (const s of found)
    groups.set(s.labels[by] ?? "", [...(groups.get(s.labels[by] ?? "") ?? []), at(s)]);
  return [...groups].map(([value, list]) => ({
    labels: { [by]: value },
    at: (t) => list.reduce((sum, f) => sum + f(t), 0),
  }));
}

function wrong(query) {
  const open =
    [...query].filter((c) => c === "(").length - [...query].filter((c) => c === ")").length;
  if (open > 0) return bad("1:5: parse error: unclosed left parenthesis");
  return query.includes("???") ? bad("1:1: parse error: unexpected character: '?'") : null;
}

function range(all, ask) {
  const query = ask.get("query") ?? "";
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(ask.get(name)));
  if (wrong(query)) return wrong(query);
  if ((end - start) / step > 11000)
    return bad("exceeded maximum resolution of 11,000 points per timeseries.");
  const result = evaluate(all, query).map(({ labels, at }) => {
    const values = [];
    for (let t = start; t <= end; t += step) if (at(t) !== null) values.push([t, String(at(t))]);
    return { metric: labels, values };
  });
  return good({ resultType: "matrix", result });
}

function instant(all, ask) {
  const query = ask.get("query") ?? "";
  const time = Number(ask.get("time"));
  if (wrong(query)) return wrong(query);
  if (query === "1 + 1") return good({ resultType: "scalar", result: [time, "2"] });
  const result = evaluate(all, query)
    .filter(({ at }) => at(time) !== null)
    .map(({ labels, at }) => ({ metric: labels, value: [time, String(at(time))] }));
  return good({ resultType: "vector", result });
}

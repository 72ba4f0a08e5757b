// /api/cryo/services over the mock's traces.

const ENTRY = new Set(["server", "consumer"]);
const kindOf = (span) => span.tags.find((t) => t.key === "span.kind")?.value;
const failed = (span) => span.tags.some((t) => t.key === "error" && t.value === true);

export function servicesAnswer(traces, ask) {
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(ask.get(name)));
  if (!(start < end) || !(step > 0))
    return [400, { error: "parameter 'end' must be later than 'start'" }];
  const spans = traces.flatMap((t) =>
    t.spans.map((s) => ({ span: s, service: t.processes[s.processID].serviceName })),
  );
  const within = spans.filter(
    ({ span }) => span.startTime >= start * 1e6 && span.startTime < end * 1e6,
  );
  const names = [...new Set(within.map(({ service }) => service))].sort();
  const rows = names.map((name) => {
    const mine = within.filter(({ service }) => service === name).map(({ span }) => span);
    return describe(name, mine, { start, end, step });
  });
  return [200, { start, end, step, complete: true, services: rows }];
}

function describe(name, spans, { start, end, step }) {
  const entries = spans.filter((s) => ENTRY.has(kindOf(s)));
  const roots = spans.filter((s) => s.references.length === 0);
  const counted = entries.length > 0 ? "entry" : roots.length > 0 ? "root" : "none";
  const of = entries.length > 0 ? entries : roots;
  const sorted = of.map((s) => s.duration / 1000).sort((a, b) => a - b);
  const quantile = (q) =>
    sorted.length > 0 ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null;
  const points = Math.ceil((end - start) / step);
  const perSecond = (list) => {
    const counts = new Array(points).fill(0);
    for (const s of list) counts[Math.floor((s.startTime / 1e6 - start) / step)]++;
    return counts.map((n) => n / step);
  };
  const bad = of.filter(failed);
  return {
    name,
    counted,
    spans: of.length,
    errors: bad.length,
    p50_ms: quantile(0.5),
    p95_ms: quantile(0.95),
    p99_ms: quantile(0.99),
    rate: perSecond(of),
    error_rate: perSecond(bad),
  };
}

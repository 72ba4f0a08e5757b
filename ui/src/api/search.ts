// A search over one service, or over all of them. Jaeger's API searches one service at a time, so "all" is
// one question per service, a few at once, and the newest traces of the answers together.
import { queryForApi, type Query } from "../model/query";
import { summarize, type Summary } from "../model/summary";
import { fetchTraces, type JaegerTrace } from "./jaeger";

// A page that asks a hundred questions makes the server slow for everybody; whoever has that many services
// knows which one to look at, and the view says that not all were asked.
export const SERVICES_MAX = 24;
const AT_ONCE = 4;

export interface Found {
  traces: Summary[];
  asked: number; // services
  known: number; // services
}

export async function search(
  query: Query,
  services: string[],
  nowMs: number,
  signal: AbortSignal,
): Promise<Found> {
  const asked = query.service !== "" ? [query.service] : services.slice(0, SERVICES_MAX);
  const byId = new Map<string, JaegerTrace>();
  for (let i = 0; i < asked.length; i += AT_ONCE) {
    const answers = asked
      .slice(i, i + AT_ONCE)
      .map((service) => fetchTraces(queryForApi(query, service, nowMs), signal));
    for (const traces of await Promise.all(answers))
      for (const trace of traces) byId.set(trace.traceID, trace);
  }
  const traces = [...byId.values()].map(summarize).filter((s) => s !== null);
  traces.sort((a, b) => b.startUs - a.startUs);
  return {
    traces: traces.slice(0, Number(query.limit)),
    asked: asked.length,
    known: services.length,
  };
}

// What the server says about itself, asked once a second while the page is visible, and the rate of
// spans made from it. One poller for the whole page; parts of the page read it with useStatus().
import { useEffect, useState } from "preact/hooks";
import { getJson } from "./http";

export interface Status {
  version: string;
  start_unix_ms: number;
  now_unix_ms: number;
  received: { spans: number; metric_points: number; log_records: number };
  stored: { spans: number; traces: number; bytes: number; oldest_unix_ms: number | null };
  dropped: { spans: number };
  endpoints: { otlp_grpc?: string; otlp_http?: string; ui?: string };
}

export interface Live {
  state: "asking" | "online" | "offline";
  status: Status | null; // the last one known
  rate: number; // spans per second, over the last SMOOTH seconds
  rates: readonly number[]; // the last minute, second by second, oldest first
  known: number; // how many of them, from the end, were measured
}

export const HISTORY = 60;
const SMOOTH = 5; // spans come in batches; second by second the number would jump to 0 and back
const POLL_MS = 1000;

export function nextLive(live: Live, status: Status): Live {
  const before = live.status;
  const restarted = !before || before.start_unix_ms !== status.start_unix_ms;
  const seconds = before ? (status.now_unix_ms - before.now_unix_ms) / 1000 : 0;
  const fresh = before ? status.received.spans - before.received.spans : 0;
  if (restarted || seconds <= 0) return { ...withRate(live, 0, 0), state: "online", status };
  return {
    ...withRate(live, Math.max(0, fresh / seconds), live.known + 1),
    state: "online",
    status,
  };
}

function withRate(live: Live, now: number, known: number): Live {
  const rates = [...live.rates.slice(1), now];
  const recent = rates.slice(rates.length - Math.min(known, SMOOTH));
  const rate = recent.reduce((sum, r) => sum + r, 0) / Math.max(1, recent.length);
  return { ...live, rates, rate, known };
}

let live: Live = {
  state: "asking",
  status: null,
  rate: 0,
  rates: new Array<number>(HISTORY).fill(0),
  known: 0,
};
const listeners = new Set<(live: Live) => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

async function poll(): Promise<void> {
  try {
    live = nextLive(live, await getJson<Status>("/api/cryo/status"));
  } catch {
    live = { ...withRate(live, 0, 0), state: "offline" };
  }
  for (const listener of listeners) listener(live);
  timer = document.hidden ? undefined : setTimeout(poll, POLL_MS);
}

export function startPolling(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === undefined) void poll();
  });
  void poll();
}

export function useStatus(): Live {
  const [current, setCurrent] = useState(live);
  useEffect(() => {
    setCurrent(live); // it may have moved between render and effect
    listeners.add(setCurrent);
    return () => void listeners.delete(setCurrent);
  }, []);
  return current;
}

// Numbers as people read them: three significant digits, one unit, never a wall of zeros.

const DURATIONS: readonly [number, string][] = [
  [1e6, "s"],
  [1e3, "ms"],
  [1, "µs"],
];

// A duration in microseconds.
export function duration(us: number): string {
  if (us >= 60e6) return longDuration(Math.round(us / 1e6));
  for (const [size, unit] of DURATIONS) if (us >= size) return `${three(us / size)} ${unit}`;
  return us > 0 ? `${three(us * 1000)} ns` : "0 µs";
}

function longDuration(seconds: number): string {
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = seconds % 60;
  return h > 0 ? `${h}h ${pad(m)}m` : `${m}m ${pad(s)}s`;
}

function three(x: number): string {
  if (x >= 99.95) return x.toFixed(0);
  if (x >= 9.995) return trimZeros(x.toFixed(1));
  return trimZeros(x.toFixed(2));
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+$/, "");
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

export function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// "1,204", "98.5k", "1.2M": for places that have room for five characters.
export function shortCount(n: number): string {
  if (n < 10) return trimZeros(n.toFixed(1));
  if (n < 9999.5) return count(n);
  if (n < 999.5e3) return `${three(n / 1e3)}k`;
  return n < 999.5e6 ? `${three(n / 1e6)}M` : `${three(n / 1e9)}G`;
}

export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${three(n)} ${units[i]}`;
}

// How long ago, from milliseconds to milliseconds.
export function ago(thenMs: number, nowMs: number): string {
  const s = Math.floor((nowMs - thenMs) / 1000);
  if (s < 0) return "in the future"; // two clocks that differ; saying "0 s" would hide it
  if (s < 5) return "just now";
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  return s < 86400 ? `${Math.floor(s / 3600)}h ago` : `${Math.floor(s / 86400)}d ago`;
}

// Local date and time to the millisecond, in an order that sorts.
export function dateTime(ms: number): string {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return "unknown time";
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(d)}`;
}

function clock(d: Date): string {
  const ms = String(d.getMilliseconds()).padStart(3, "0");
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${ms}`;
}

// Round steps for a ruler over [from, to] that give at most `most` labels.
export function ticks(from: number, to: number, most: number): number[] {
  const span = to - from;
  if (!(span > 0) || most < 1) return [];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => span / s <= most) ?? power * 10;
  const out: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) out.push(i * step);
  return out;
}

// Where the time of a trace went: the stretches of spans that, had they been shorter, would have made the
// whole shorter. Walk from the end of the root backwards: whatever child was still running last is what the
// parent waited for; before that child began, look again.
import type { Span } from "./trace";

export interface Stretch {
  from: number;
  to: number;
}

// Per span index, its stretches on the critical path of the tree that starts at `root`.
export function criticalPath(spans: readonly Span[], root: number): Map<number, Stretch[]> {
  const path = new Map<number, Stretch[]>();
  const start = spans[root];
  if (!start) return path;
  const stack = [{ index: root, until: start.start + start.duration }];
  while (stack.length > 0) {
    const { index, until } = stack.pop()!;
    const span = spans[index]!;
    const waited = span.children
      .map((i) => spans[i]!)
      .sort((a, b) => b.start + b.duration - (a.start + a.duration));
    const own: Stretch[] = [];
    let to = until;
    for (const child of waited) {
      const end = Math.min(child.start + child.duration, to);
      if (end <= Math.max(child.start, span.start)) continue; // began after what is left, or before us
      if (end < to) own.push({ from: end, to });
      stack.push({ index: child.index, until: end });
      to = Math.max(child.start, span.start);
    }
    if (to > span.start) own.push({ from: span.start, to });
    path.set(index, own);
  }
  return path;
}

// What a span did itself: its duration without the parts in which any child was running.
export function selfTime(spans: readonly Span[], span: Span): number {
  const ends = span.start + span.duration;
  let covered = 0;
  let reached = span.start;
  for (const i of span.children) {
    // in order of their start
    const child = spans[i]!;
    const to = Math.min(child.start + child.duration, ends);
    covered += Math.max(0, to - Math.max(child.start, reached));
    reached = Math.max(reached, to);
  }
  return Math.max(0, span.duration - covered);
}

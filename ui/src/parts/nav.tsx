// From view to view. Where two views look at a stretch of time, it goes along.
import { rangeFromUrl, rangeParams } from "../model/time-range";
import type { Place } from "../router";

const VIEWS = [
  ["/services", "Services"],
  ["/search", "Traces"],
  ["/metrics", "Metrics"],
  ["/logs", "Logs"],
] as const;

export function Nav({ place }: { place: Place }) {
  const current = viewOf(place.path);
  const timed = current !== "/search" ? rangeParams(rangeFromUrl(place.params)) : {};
  return (
    <nav class="views" aria-label="Views">
      {VIEWS.map(([path, name]) => (
        <a
          key={path}
          href={withParams(path, timed)}
          {...(path === current && { "aria-current": "page" })}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}

function viewOf(path: string): string {
  return path === "/" || path.startsWith("/trace/") ? "/search" : path;
}

function withParams(path: string, params: Record<string, string>): string {
  const text = path === "/search" ? "" : new URLSearchParams(params).toString();
  return text === "" ? path : `${path}?${text}`;
}

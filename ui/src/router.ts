// Addresses and history: every view is a URL, and going back works. Links are ordinary <a href>, so that
// they open in a new tab, can be copied and work for screen readers; a click on one stays in the page.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  path: string;
  params: URLSearchParams;
}

const listeners = new Set<() => void>();

function here(): Place {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

export function navigate(url: string, how: "push" | "replace" = "push"): void {
  if (url === location.pathname + location.search) return;
  if (how === "push") history.pushState({ inside: true }, "", url);
  else history.replaceState(history.state, "", url);
  for (const listener of listeners) listener();
}

// Whether "back" stays in this page.
export function cameFromInside(): boolean {
  return history.state?.inside === true;
}

function onClick(event: MouseEvent): void {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin)
    return;
  if (/^\/(loki\/)?api\//.test(link.pathname)) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
  scrollTo(0, 0);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    listeners.add(update);
    addEventListener("popstate", update);
    document.addEventListener("click", onClick);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
      document.removeEventListener("click", onClick);
    };
  }, []);
  return place;
}

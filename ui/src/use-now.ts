// The moment that a relative stretch of time ends at: it stands still until somebody asks again, by hand or,
// where a view is live, every few seconds while it can be seen.
import { useCallback, useEffect, useState } from "preact/hooks";
import { LIVE_MS } from "./model/time-range";

export function useNow(live: boolean): [number, () => void] {
  const [now, setNow] = useState(() => Date.now());
  const refresh = useCallback(() => setNow(Date.now()), []);
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, LIVE_MS);
    return () => clearInterval(timer);
  }, [live]);
  return [now, refresh];
}

// Loading something for as long as a view needs it: aborted when the question changes, the old answer kept
// on the screen until the new one is there.
import { useCallback, useEffect, useState } from "preact/hooks";
import { isAbort } from "./api/http";

export interface Loaded<T> {
  data: T | undefined; // of the last answer, also while the next is loading
  key: string | undefined; // the question that `data` answers
  error: Error | null;
  loading: boolean;
  reload: () => void;
}

// `key` says when the question is another one; null asks nothing yet.
export function useLoad<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const [answer, setAnswer] = useState<{ data?: T; key?: string; error: Error | null }>({
    error: null,
  });
  const [loading, setLoading] = useState(key !== null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setLoading(true);
    load(abort.signal)
      .then((data) => setAnswer({ data, key, error: null }))
      .catch((error: unknown) => {
        if (!isAbort(error)) setAnswer((old) => ({ ...old, error: error as Error }));
      })
      .finally(() => {
        if (!abort.signal.aborted) setLoading(false);
      });
    return () => abort.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  return { data: answer.data, key: answer.key, error: answer.error, loading, reload };
}

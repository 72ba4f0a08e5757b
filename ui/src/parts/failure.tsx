// A question that failed, in the words of whoever answered, and what can be done.
import { useEffect } from "preact/hooks";
import type { ApiError } from "../api/http";
import { useStatus } from "../api/status";

interface Props {
  error: ApiError;
  what: string; // that could not be shown: "The overview"
  retry: () => void;
}

export function Failure({ error, what, retry }: Props) {
  const live = useStatus();
  useEffect(() => {
    if (error.status === 0 && live.state === "online") retry(); // it is back
  }, [live.state]);
  if (error.status === 404) return <Absent error={error} what={what} />;
  const mine = error.status >= 400 && error.status < 500;
  return (
    <div class="failure notice bad" role="alert">
      <p>
        <b>{title(error)}</b>
      </p>
      <p class="failure-text">{error.message}</p>
      {!mine && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function title(error: ApiError): string {
  if (error.status === 0) return "The server does not answer";
  if (error.status >= 500) return "The server could not answer";
  return "The server refused the question";
}

function Absent({ error, what }: { error: ApiError; what: string }) {
  return (
    <div class="message small" role="alert">
      <h2>{what} is not served here</h2>
      <p>{error.message}</p>
      <p>
        This cryostorm answered 404: it is older than this page, or its configuration names no store
        for this signal. The page’s other views work without it.
      </p>
    </div>
  );
}

// One way to ask the server: JSON or an Error whose message can be shown as it is.

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number, // 0: no answer at all
  ) {
    super(message);
  }
}

interface Options<T> {
  missing?: T; // what a 404 means, where it is an answer and not an error
  headers?: Record<string, string>;
}

export async function getJson<T>(
  path: string,
  signal?: AbortSignal,
  options: Options<T> = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      headers: { accept: "application/json", ...options.headers },
      ...(signal && { signal }),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(`${location.host} does not answer.`, 0);
  }
  if (response.status === 404 && options.missing !== undefined) return options.missing;
  if (!response.ok) throw new ApiError(await reason(response), response.status);
  // A path that nobody answers is the page's own, which is how every view can be a URL.
  if (response.headers.get("content-type")?.startsWith("text/html"))
    throw new ApiError(`This server has nothing at ${path.replace(/\?.*/s, "")}.`, 404);
  return (await response.json()) as T;
}

const TEXT_MAX = 2000; // of an error that is plain text

async function reason(response: Response): Promise<string> {
  const text = await response.text();
  return (
    reasonIn(text, response.headers.get("content-type") ?? "") ??
    `The server answered ${response.status} ${response.statusText}`.trim() + "."
  );
}

// Jaeger's errors are {"errors":[{"code","msg"}]}, Prometheus' {"errorType","error"}, ours {"error"}, Loki's are
// plain text. null: none of these, the status line has to do.
export function reasonIn(text: string, contentType: string): string | null {
  try {
    const told = JSON.parse(text) as Record<string, unknown> | null;
    const jaeger = (told?.errors as { msg?: unknown }[] | undefined)?.[0]?.msg;
    for (const said of [jaeger, told?.error, told?.message])
      if (typeof said === "string" && said !== "") return said;
    return null;
  } catch {
    const plain = text.trim();
    return contentType.startsWith("text/plain") && plain !== "" ? plain.slice(0, TEXT_MAX) : null;
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

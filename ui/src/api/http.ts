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
}

export async function getJson<T>(
  path: string,
  signal?: AbortSignal,
  options: Options<T> = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      headers: { accept: "application/json" },
      ...(signal && { signal }),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(`${location.host} does not answer.`, 0);
  }
  if (response.status === 404 && options.missing !== undefined) return options.missing;
  if (!response.ok) throw new ApiError(await reason(response), response.status);
  return (await response.json()) as T;
}

// Jaeger's errors are {"errors":[{"code","msg"}]}; anything else is told by its status line.
async function reason(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const msg = JSON.parse(text)?.errors?.[0]?.msg;
    if (typeof msg === "string" && msg !== "") return msg;
  } catch {
    // not JSON: below
  }
  return `The server answered ${response.status} ${response.statusText}`.trim() + ".";
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

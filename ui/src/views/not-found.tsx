import { useTitle } from "../use-title";

export function NotFound({ path }: { path: string }) {
  useTitle("Not found");
  return (
    <section class="message">
      <h1>There is no page here</h1>
      <p>
        <code>{path}</code> is none of this page’s addresses. A trace is at <code>/trace/</code>{" "}
        followed by its id, up to 32 hexadecimal digits.
      </p>
      <a class="button primary" href="/search">
        Search for traces
      </a>
    </section>
  );
}

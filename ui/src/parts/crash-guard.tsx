// Catches a view that fails while it is drawn: a mistake of ours, or data of a shape nobody thought of. Without
// it the page would turn blank and say nothing.
import { Component, type ComponentChildren } from "preact";

interface State {
  error: Error | null;
}

export class CrashGuard extends Component<{ children: ComponentChildren }, State> {
  override state: State = { error: null };

  override componentDidCatch(error: unknown): void {
    this.setState({ error: error instanceof Error ? error : new Error(String(error)) });
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <section class="message" role="alert">
        <h1>This view broke</h1>
        <p>That is a flaw of the page, not of your data; they are safe. What it stumbled over:</p>
        <p>
          <code>{error.message}</code>
        </p>
        <p class="actions">
          <button type="button" class="button primary" onClick={() => location.reload()}>
            Load the page again
          </button>
          <a class="button" href="/search">
            Search for traces
          </a>
        </p>
      </section>
    );
  }
}

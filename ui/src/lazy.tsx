// A view whose code comes in a file of its own, when somebody first goes there: the first file that a browser
// runs stays small however many views there are.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let View: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [error, setError] = useState<unknown>();
    const [, arrived] = useState(false);
    useEffect(() => {
      if (View) return;
      load().then((loaded) => {
        View = loaded;
        arrived(true);
      }, setError);
    }, []);
    if (error) throw error; // an older page over a newer server: the guard offers to load it again
    return View ? <View {...props} /> : <p class="loading">Loading …</p>;
  };
}

import { useEffect } from "preact/hooks";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "cryostorm" : `${title} · cryostorm`;
  }, [title]);
}

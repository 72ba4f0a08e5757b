// Light or dark: the system's choice, unless the reader chose the other one (public/theme.js applies it
// before the first paint). Charts draw on canvas and have to be told, hence the listeners.
import { useEffect, useState } from "preact/hooks";

export type Theme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

dark.addEventListener("change", tell);

export function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return dark.matches ? "dark" : "light";
}

export function toggleTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  const followsSystem = (next === "dark") === dark.matches;
  if (followsSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (followsSystem) localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // Storage is forbidden here: the choice lasts as long as the page.
  }
  tell();
}

export function useTheme(): Theme {
  const [current, setCurrent] = useState(theme);
  useEffect(() => {
    const update = () => setCurrent(theme());
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return current;
}

// What a CSS colour variable is at the moment, for canvas. (Through a real property, because a variable
// that uses light-dark() would be handed out unresolved.)
export function cssColour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

import { toggleTheme, useTheme } from "../theme";
import { MoonIcon, SunIcon } from "./icons";

export function ThemeToggle() {
  const other = useTheme() === "dark" ? "light" : "dark";
  const label = `Use the ${other} theme`;
  return (
    <button
      class="icon-button"
      type="button"
      onClick={toggleTheme}
      aria-label={label}
      title={label}
    >
      {other === "light" ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

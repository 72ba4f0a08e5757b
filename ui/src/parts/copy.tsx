import { useEffect, useRef, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons";

const SHOWN_MS = 1500;

// The clipboard API exists only where the browser trusts the origin (loopback or TLS); elsewhere the old way.
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, what, label }: { text: string; what: string; label?: string }) {
  const [result, setResult] = useState<"copied" | "failed" | null>(null);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onClick = async (event: Event) => {
    event.stopPropagation();
    setResult((await copy(text)) ? "copied" : "failed");
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setResult(null), SHOWN_MS);
  };
  const title =
    result === "copied"
      ? "Copied"
      : result === "failed"
        ? "The browser refused to copy"
        : `Copy ${what}`;
  return (
    <button
      type="button"
      class={label ? "button small" : "icon-button tiny"}
      onClick={onClick}
      title={title}
      aria-label={title}
    >
      {result === "copied" ? <CheckIcon /> : <CopyIcon />}
      {label && <span>{result === "copied" ? "Copied" : label}</span>}
    </button>
  );
}

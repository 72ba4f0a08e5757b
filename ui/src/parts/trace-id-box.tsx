// Straight to a trace: paste an id from a log line.
import { useState } from "preact/hooks";
import { navigate } from "../router";
import { SearchIcon } from "./icons";

export function TraceIdBox() {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const go = (event: Event) => {
    event.preventDefault();
    // A traceparent ("00-<trace id>-<span id>-01") is what people have at hand; take the id out of it.
    const id = /^00-([0-9a-f]{32})-/.exec(text.trim())?.[1] ?? text.trim();
    const ok = /^[0-9a-fA-F]{1,32}$/.test(id);
    setWrong(!ok);
    if (!ok) return;
    setText("");
    navigate(`/trace/${id}`);
  };
  return (
    <form class="trace-id-box" role="search" onSubmit={go}>
      <SearchIcon />
      <input
        type="text"
        aria-label="Go to a trace by its id"
        placeholder="Go to trace id"
        spellcheck={false}
        autocomplete="off"
        value={text}
        aria-invalid={wrong}
        title={wrong ? "A trace id is up to 32 hexadecimal digits" : ""}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
      />
    </form>
  );
}

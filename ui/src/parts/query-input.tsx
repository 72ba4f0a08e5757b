// A text in a query language, with what could stand at the caret offered below it. Enter asks, Shift+Enter
// breaks the line; Down chooses from the list, Tab or Enter takes the choice, Escape closes it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { accept, contextAt, matching, type Context, type Suggestion } from "../model/query-context";

interface Props {
  value: string;
  label: string;
  placeholder: string;
  suggest: (context: Context) => Promise<readonly Suggestion[]>;
  onInput: (text: string) => void;
  onSubmit: (text: string) => void;
}

interface Open {
  context: Context;
  list: Suggestion[];
  chosen: number; // -1: none yet
}

export function QueryInput({ value, label, placeholder, suggest, onInput, onSubmit }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [open, setOpen] = useState<Open | null>(null);
  const asked = useRef(0);
  const caret = useRef<number | null>(null);
  useLayoutEffect(() => {
    const element = area.current!;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
    if (caret.current !== null) element.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [value]);
  useEffect(() => () => void asked.current++, []); // an answer that comes too late goes nowhere

  const close = () => {
    asked.current++;
    setOpen(null);
  };
  const offer = async (text: string, at: number, forced: boolean) => {
    const context = contextAt(text, at);
    const round = ++asked.current;
    const wanted = forced || context.word !== "" || !["name", "none"].includes(context.kind);
    const all = wanted ? await suggest(context).catch(() => []) : [];
    if (round !== asked.current) return;
    const list = matching(all, context.word);
    const done = list.length === 1 && (list[0]!.label ?? list[0]!.text) === context.word;
    setOpen(list.length > 0 && !done ? { context, list, chosen: -1 } : null);
  };
  const take = (suggestion: Suggestion) => {
    const next = accept(value, open!.context, suggestion);
    caret.current = next.caret;
    onInput(next.text);
    area.current!.focus();
    void offer(next.text, next.caret, false);
  };
  const onKey = (event: KeyboardEvent) => {
    const n = open?.list.length ?? 0;
    const move = (by: number) =>
      setOpen({ ...open!, chosen: (Math.max(open!.chosen, by > 0 ? -1 : 0) + by + n) % n });
    if (event.key === " " && event.ctrlKey) void offer(value, area.current!.selectionStart, true);
    else if (open && event.key === "ArrowDown") move(1);
    else if (open && event.key === "ArrowUp") move(-1);
    else if (open && event.key === "Escape") close();
    else if (open && event.key === "Tab" && !event.shiftKey)
      take(open.list[Math.max(0, open.chosen)]!);
    else if (event.key === "Enter" && !event.shiftKey && open && open.chosen >= 0)
      take(open.list[open.chosen]!);
    else if (event.key === "Enter" && !event.shiftKey) {
      close();
      onSubmit(value);
    } else return;
    event.preventDefault();
  };
  return (
    <div class="query-input">
      <textarea
        ref={area}
        rows={1}
        value={value}
        aria-label={label}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        {...({ role: "combobox" } as object)} // the types know it for <input> only
        aria-autocomplete="list"
        aria-expanded={open !== null}
        aria-controls="query-suggestions"
        {...(open && open.chosen >= 0 && { "aria-activedescendant": `suggestion-${open.chosen}` })}
        onInput={(event) => {
          const { value: text, selectionStart } = event.currentTarget;
          onInput(text);
          void offer(text, selectionStart, false);
        }}
        onKeyDown={onKey}
        onBlur={close}
      />
      {open && <Suggestions open={open} onTake={take} />}
    </div>
  );
}

function Suggestions({ open, onTake }: { open: Open; onTake: (suggestion: Suggestion) => void }) {
  const box = useRef<HTMLUListElement>(null);
  useEffect(() => {
    box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [open.chosen]);
  return (
    <ul class="suggestions" id="query-suggestions" role="listbox" ref={box}>
      {open.list.map((suggestion, i) => (
        <li
          key={suggestion.text}
          id={`suggestion-${i}`}
          role="option"
          aria-selected={i === open.chosen}
          onPointerDown={(event) => {
            event.preventDefault(); // the text keeps the focus
            onTake(suggestion);
          }}
        >
          <span class="mono">{suggestion.label ?? suggestion.text}</span>
          {suggestion.detail && <span class="muted">{suggestion.detail}</span>}
        </li>
      ))}
    </ul>
  );
}

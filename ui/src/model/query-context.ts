// What stands at the caret of a PromQL or LogQL text, so that the right names can be offered: both languages
// have selectors in braces, texts in quotes, ranges in brackets and lists of labels behind words like "by".

export interface Context {
  kind: "name" | "label" | "list" | "value" | "range" | "none";
  word: string; // what was typed of it, up to the caret
  from: number; // where it begins ...
  to: number; // ... and ends, also behind the caret
  metric: string; // the name in front of the braces, or ""
  label: string; // whose value it is, or ""
}

const WORD_END = /^[\w:.]*/;

export function contextAt(text: string, caret: number): Context {
  const { brace, bracket, quote, quoteFrom } = openAt(text, caret);
  const none: Context = { kind: "none", word: "", from: caret, to: caret, metric: "", label: "" };
  const metric = brace < 0 ? "" : (/([A-Za-z_:][\w:]*)\s*$/.exec(text.slice(0, brace))?.[1] ?? "");
  if (quote !== "") {
    const before = text.slice(brace + 1, quoteFrom - 1);
    const label = brace < 0 ? undefined : /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*$/.exec(before)?.[1];
    if (label === undefined) return none;
    const rest = text.slice(caret);
    const closed = rest.search(/["'`}]/);
    const to = caret + (closed >= 0 && rest[closed] === quote ? closed : 0);
    return {
      kind: "value",
      word: text.slice(quoteFrom, caret),
      from: quoteFrom,
      to,
      metric,
      label,
    };
  }
  const before = text.slice(0, caret);
  const word = /[A-Za-z_:][\w:.]*$/.exec(before)?.[0] ?? "";
  const from = caret - word.length;
  const place = {
    word,
    from,
    to: caret + WORD_END.exec(text.slice(caret))![0].length,
    metric,
    label: "",
  };
  if (brace >= 0) return /[{,]\s*$/.test(text.slice(0, from)) ? { kind: "label", ...place } : none;
  if (bracket >= 0) {
    const typed = text.slice(bracket + 1, caret);
    return { ...none, kind: "range", word: typed, from: bracket + 1 };
  }
  if (/\b(by|without|on|ignoring|group_left|group_right)\s*\([\w\s,]*$/i.test(text.slice(0, from)))
    return { kind: "list", ...place };
  return /[\w"'`}\])]$/.test(text.slice(0, from)) ? none : { kind: "name", ...place };
}

function openAt(text: string, caret: number) {
  const open = { brace: -1, bracket: -1, quote: "", quoteFrom: 0 };
  for (let i = 0; i < caret; i++) {
    const c = text[i]!;
    if (open.quote !== "") {
      if (c === "\\" && open.quote !== "`") i++;
      else if (c === open.quote) open.quote = "";
    } else if (c === '"' || c === "'" || c === "`") {
      open.quote = c;
      open.quoteFrom = i + 1;
    } else if (c === "{") open.brace = i;
    else if (c === "}") open.brace = -1;
    else if (c === "[") open.bracket = i;
    else if (c === "]") open.bracket = -1;
  }
  return open;
}

export interface Suggestion {
  text: string; // what is put in
  label?: string; // what is shown, where that differs
  detail?: string; // what it is
}

// The text with a suggestion in place of the word, and where the caret goes.
export function accept(text: string, context: Context, chosen: Suggestion) {
  let put = chosen.text;
  let to = context.to;
  if (context.kind === "label" && !/^\s*(=|!)/.test(text.slice(to))) put += '="';
  if (context.kind === "value") {
    put = put.replace(/["\\]/g, "\\$&");
    const closed = /["'`]/.test(text[to] ?? "");
    if (closed) to++;
    put += text[context.from - 1] ?? '"';
  }
  if (context.kind === "range" && text[to] !== "]") put += "]";
  return {
    text: text.slice(0, context.from) + put + text.slice(to),
    caret: context.from + put.length,
  };
}

const MOST = 60;

// Those that begin with the word first, then those that contain it, then those that have its letters in order.
export function matching(all: readonly Suggestion[], word: string): Suggestion[] {
  const needle = word.toLowerCase();
  const ranked: Suggestion[][] = [[], [], []];
  for (const suggestion of all) {
    const rank = rankOf((suggestion.label ?? suggestion.text).toLowerCase(), needle);
    if (rank < 3) ranked[rank]!.push(suggestion);
  }
  return ranked.flat().slice(0, MOST);
}

function rankOf(text: string, needle: string): number {
  const at = text.indexOf(needle);
  if (at >= 0) return at === 0 ? 0 : 1;
  let i = 0;
  for (const c of text) if (c === needle[i]) i++;
  return i === needle.length ? 2 : 3;
}

// The fields that forms are made of: a name above, a complaint below.
import type { ComponentChildren } from "preact";
import { localToUs, usToLocal } from "../model/query";

export function Field(props: {
  name: string;
  class?: string;
  problem?: string | null | undefined;
  children: ComponentChildren;
}) {
  return (
    <label class={`field ${props.class ?? ""}`}>
      <span class="field-name">{props.name}</span>
      {props.children}
      {props.problem && (
        <span class="field-problem" role="alert">
          {props.problem}
        </span>
      )}
    </label>
  );
}

interface ChoiceProps {
  name: string;
  value: string;
  options: readonly (readonly [string, string])[];
  disabled?: boolean;
  label?: string; // where no Field stands around it
  onChoose: (value: string) => void;
}

// A value that is not among the options is still what the address says: it stays visible.
export function Choice(props: ChoiceProps) {
  const { value, options } = props;
  const all = options.some(([option]) => option === value)
    ? options
    : [...options, [value, value] as const];
  return (
    <select
      name={props.name}
      value={value}
      disabled={props.disabled ?? false}
      aria-label={props.label}
      onChange={(event) => props.onChoose(event.currentTarget.value)}
    >
      {all.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

export function Moment(props: {
  name: string;
  value: string; // microseconds since 1970
  problem: string | undefined;
  onChange: (us: string) => void;
}) {
  return (
    <Field name={props.name} class="f-moment" problem={props.problem}>
      <input
        type="datetime-local"
        step="1"
        value={usToLocal(props.value)}
        aria-invalid={props.problem !== undefined}
        onInput={(event) => props.onChange(localToUs(event.currentTarget.value))}
      />
    </Field>
  );
}

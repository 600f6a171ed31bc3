/** A labelled field with hint and problem, tied together for screen readers. */
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";

interface FieldText {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
}

function describe(id: string, { hint, problem }: FieldText): string | undefined {
  return [hint ? `${id}-hint` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ") || undefined;
}

function Frame({ id, text, children }: { id: string; text: FieldText; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{text.label}</label>
      {children}
      {text.hint && (
        <span className="hint" id={`${id}-hint`}>
          {text.hint}
        </span>
      )}
      {text.problem && (
        <span className="problem" id={`${id}-problem`} role="alert">
          {text.problem}
        </span>
      )}
    </div>
  );
}

export function TextField({ label, hint, problem, ...rest }: InputHTMLAttributes<HTMLInputElement> & FieldText) {
  const id = useId();
  const text = { label, hint, problem };
  return (
    <Frame id={id} text={text}>
      <input {...rest} id={id} className="input" aria-describedby={describe(id, text)} aria-invalid={problem ? true : undefined} />
    </Frame>
  );
}

export function TextArea({ label, hint, problem, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement> & FieldText) {
  const id = useId();
  const text = { label, hint, problem };
  return (
    <Frame id={id} text={text}>
      <textarea {...rest} id={id} className="input" aria-describedby={describe(id, text)} />
    </Frame>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function SelectField({ label, hint, problem, options, ...rest }: SelectHTMLAttributes<HTMLSelectElement> & FieldText & { options: readonly Option[] }) {
  const id = useId();
  const text = { label, hint, problem };
  return (
    <Frame id={id} text={text}>
      <select {...rest} id={id} className="input" aria-describedby={describe(id, text)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

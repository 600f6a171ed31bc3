/** The one button. */
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { Link, type LinkProps } from "react-router";

export type ButtonKind = "plain" | "primary" | "air" | "ghost";
export type ButtonSize = "sm" | "md" | "lg";

interface Look {
  kind?: ButtonKind;
  size?: ButtonSize;
  block?: boolean;
}

function classes({ kind = "plain", size = "md", block = false }: Look, extra?: string): string {
  return ["btn", kind, size, block ? "block" : "", extra ?? ""].filter(Boolean).join(" ");
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, Look {
  /** Shows that the answer is on its way and refuses a second press. */
  busy?: boolean | undefined;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind, size, block, busy = false, icon, className, children, disabled, ...rest }: ButtonProps) {
  const look: Look = { ...(kind && { kind }), ...(size && { size }), ...(block && { block }) };
  return (
    <button type="button" {...rest} aria-busy={busy || undefined} disabled={disabled || busy} className={classes(look, className)}>
      {busy ? <span className="spinner" aria-hidden /> : icon}
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ kind, size, block, icon, className, children, ...rest }: LinkProps & Look & { icon?: ReactNode }) {
  const look: Look = { ...(kind && { kind }), ...(size && { size }), ...(block && { block }) };
  return (
    <Link {...rest} className={classes(look, className)}>
      {icon}
      {children}
    </Link>
  );
}

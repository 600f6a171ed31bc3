/** One button of the player. */
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

export interface ControlButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  children: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

export function ControlButton({ label, children, className = "", ...rest }: ControlButtonProps) {
  return (
    <button type="button" {...rest} className={`player-btn ${className}`} aria-label={label} title={label}>
      {children}
    </button>
  );
}

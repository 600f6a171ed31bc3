/** A modal question: focus stays inside, Escape closes it. */
import { Dialog as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { useEmbedding } from "@/lib/embedding";

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** One sentence under the title. */
  text?: string;
  children?: ReactNode;
  actions?: ReactNode;
}

export function Dialog({ open, onClose, title, text, children, actions }: DialogProps) {
  const embedding = useEmbedding();
  return (
    <Primitive.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Primitive.Portal container={embedding?.portal ?? null}>
        <Primitive.Overlay className="overlay" />
        <Primitive.Content className="dialog" {...(text ? {} : { "aria-describedby": undefined })}>
          <Primitive.Title asChild>
            <h2>{title}</h2>
          </Primitive.Title>
          {text && <Primitive.Description className="muted">{text}</Primitive.Description>}
          {children}
          {actions && <div className="dialog-actions">{actions}</div>}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

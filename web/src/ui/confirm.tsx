/** Asks before something that cannot be undone. */
import { type ReactNode, useState } from "react";
import { t } from "@/i18n";
import { Button, type ButtonKind } from "./button";
import { Dialog } from "./dialog";
import { ProblemNotice } from "./problem";

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  text: string;
  action: string;
  kind?: ButtonKind;
  children?: ReactNode;
  onConfirm: () => Promise<unknown>;
}

export function Confirm({ open, onClose, title, text, action, kind = "primary", children, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      text={text}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind={kind} busy={busy} onClick={() => void confirm()}>
            {action}
          </Button>
        </>
      }
    >
      {children}
      <ProblemNotice error={error} />
    </Dialog>
  );
}

/** A dialog that asks for a title and makes something of it. */
import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ProblemNotice } from "@/ui/problem";

export interface AddTitleProps {
  open: boolean;
  onClose: () => void;
  heading: string;
  placeholder: string;
  children?: ReactNode;
  onAdd: (title: string, form: FormData) => Promise<unknown>;
}

export function AddTitle({ open, onClose, heading, placeholder, children, onAdd }: AddTitleProps) {
  const add = useMutation({ mutationFn: (form: FormData) => onAdd(String(form.get("title")).trim(), form), onSuccess: onClose });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog open={open} onClose={onClose} title={heading}>
      <form className="col form-dialog" onSubmit={submit}>
        <TextField label={t("organiser.event.title")} name="title" placeholder={placeholder} required maxLength={200} autoComplete="off" />
        {children}
        <ProblemNotice error={add.error} />
        <div className="dialog-actions">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={add.isPending}>
            {t("common.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

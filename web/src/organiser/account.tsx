/** The organiser's name, email and password. */
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { t } from "@/i18n";
import { queryClient } from "@/api/query-client";
import { saveProfile } from "@/api/organiser";
import type { OrganiserSession } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ProblemNotice } from "@/ui/problem";
import { useToast } from "@/ui/toast";

export function Account({ open, onClose, organiser }: { open: boolean; onClose: () => void; organiser: OrganiserSession["organiser"] }) {
  const toast = useToast();
  const save = useMutation({
    mutationFn: saveProfile,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["session"] });
      toast(t("organiser.account.saved"));
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    save.mutate({
      name: text("name"),
      email: text("email"),
      ...(text("password") && { password: text("password") }),
      ...(text("current") && { current_password: text("current") }),
    });
  };
  return (
    <Dialog open={open} onClose={onClose} title={t("organiser.account.title")} text={t("organiser.account.text")}>
      <form className="col form-dialog" onSubmit={submit}>
        <TextField label={t("organiser.account.name")} name="name" defaultValue={organiser.name} required maxLength={128} />
        <TextField label={t("organiser.signIn.email")} name="email" type="email" defaultValue={organiser.email ?? ""} required autoComplete="username" />
        {organiser.has_password && <TextField label={t("organiser.account.current")} name="current" type="password" autoComplete="current-password" />}
        <TextField label={t("organiser.account.password")} hint={t("organiser.account.passwordHint")} name="password" type="password" minLength={12} autoComplete="new-password" />
        <ProblemNotice error={save.error} />
        <div className="dialog-actions">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={save.isPending}>
            {t("common.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

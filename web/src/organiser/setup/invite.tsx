/** Inviting one person, then showing the link that is theirs alone. */
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { t } from "@/i18n";
import { createInvitation } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { PersonRole } from "@/api/types";
import { Button } from "@/ui/button";
import { CopyLink } from "@/ui/copy";
import { Dialog } from "@/ui/dialog";
import { SelectField, TextField } from "@/ui/field";
import { ProblemNotice } from "@/ui/problem";

export function Invite({ open, onClose, eventId, stageId }: { open: boolean; onClose: () => void; eventId: string; stageId?: string }) {
  const invite = useMutation({
    mutationFn: (form: FormData) => {
      const email = String(form.get("email") ?? "").trim();
      const role: PersonRole = form.get("role") === "attendee" ? "attendee" : "speaker";
      return createInvitation(eventId, { name: String(form.get("name")).trim(), role, ...(email && { email }), ...(stageId && { stage_id: stageId }) });
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["invitations", eventId] }),
  });
  const close = () => {
    invite.reset();
    onClose();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    invite.mutate(new FormData(event.currentTarget));
  };
  if (invite.isSuccess) {
    const { name, link } = invite.data;
    return (
      <Dialog open={open} onClose={close} title={t("organiser.people.linkTitle", { name })} text={t("organiser.people.linkText", { name })} actions={<Button onClick={close}>{t("organiser.people.done")}</Button>}>
        <div className="form-dialog">
          <CopyLink url={link} label={t("organiser.people.copy")} />
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog open={open} onClose={close} title={t("organiser.people.new")}>
      <form className="col form-dialog" onSubmit={submit}>
        <TextField label={t("organiser.people.name")} name="name" placeholder={t("organiser.people.namePlaceholder")} required maxLength={128} autoComplete="off" />
        <TextField label={t("organiser.people.email")} name="email" type="email" autoComplete="off" />
        {!stageId && (
          <SelectField
            label={t("organiser.people.role")}
            name="role"
            hint={t("organiser.people.speakerHint")}
            options={[
              { value: "speaker", label: t("organiser.people.role_speaker") },
              { value: "attendee", label: t("organiser.people.role_attendee") },
            ]}
          />
        )}
        <ProblemNotice error={invite.error} />
        <div className="dialog-actions">
          <Button onClick={close}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={invite.isPending}>
            {t("organiser.people.invite")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

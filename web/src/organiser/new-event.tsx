/** Making an event: a name, when, and who may enter. */
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { t } from "@/i18n";
import { useNavigate } from "react-router";
import { createEvent } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import { toLocalInput, zoneName } from "@/lib/time";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { TextArea, TextField } from "@/ui/field";
import { ProblemNotice } from "@/ui/problem";

const DAY_MS = 86_400_000;

/** The next full hour: nobody types minutes for a try. */
function nextHour(): Date {
  const at = new Date();
  at.setMinutes(60, 0, 0);
  return at;
}

export function NewEventDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: createEvent,
    onSuccess: async (event) => {
      await queryClient.invalidateQueries({ queryKey: ["events"] });
      await navigate(`/events/${event.id}`);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    create.mutate({
      title: text("title"),
      description: text("description"),
      starts_at: new Date(text("starts")).toISOString(),
      ends_at: new Date(text("ends")).toISOString(),
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      access: form.get("open") ? "open" : "invited",
    });
  };
  const start = nextHour();
  return (
    <Dialog open={open} onClose={onClose} title={t("organiser.events.new")}>
      <form className="col form-dialog" onSubmit={submit}>
        <TextField label={t("organiser.events.name")} name="title" placeholder={t("organiser.events.namePlaceholder")} required maxLength={200} autoComplete="off" />
        <TextArea label={t("organiser.events.description")} name="description" maxLength={10_000} rows={2} />
        <div className="form-row">
          <TextField label={t("organiser.events.startsAt")} name="starts" type="datetime-local" required defaultValue={toLocalInput(start)} />
          <TextField label={t("organiser.events.endsAt")} name="ends" type="datetime-local" required defaultValue={toLocalInput(new Date(start.getTime() + DAY_MS))} />
        </div>
        <p className="tiny">{t("organiser.events.timezone", { zone: zoneName(start) })}</p>
        <label className="check-line" htmlFor="event-open">
          <input type="checkbox" name="open" id="event-open" defaultChecked aria-describedby="event-open-hint" />
          {t("organiser.events.open")}
        </label>
        <p className="small muted" id="event-open-hint">
          {t("organiser.events.openHint")}
        </p>
        <ProblemNotice error={create.error} />
        <div className="dialog-actions">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={create.isPending}>
            {t("common.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

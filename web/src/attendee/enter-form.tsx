/** The door of an open event: a name is enough. */
import { useMutation } from "@tanstack/react-query";
import { Lock } from "lucide-react";
import type { FormEvent } from "react";
import { t } from "@/i18n";
import { enterOpen } from "@/api/experience";
import type { EventPreview, Experience } from "@/api/types";
import { useNow, useTitle } from "@/lib/hooks";
import { dayAndTime, zoneName } from "@/lib/time";
import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import { Frame } from "@/ui/frame";
import { MainContent } from "@/ui/main-content";
import { Empty } from "@/ui/parts";
import { ProblemNotice } from "@/ui/problem";

export interface EnterFormProps {
  event: EventPreview;
  onEnter: (experience: Experience) => void;
}

export function EnterScreen(props: EnterFormProps) {
  return (
    <Frame home="/" name={props.event.title}>
      <EnterForm {...props} />
    </Frame>
  );
}

export function EnterForm({ event, onEnter }: EnterFormProps) {
  const now = useNow(60_000);
  useTitle(event.title);
  const enter = useMutation({
    mutationFn: (name: string) => enterOpen(event.id, name),
    onSuccess: onEnter,
  });
  const submit = (submitted: FormEvent<HTMLFormElement>) => {
    submitted.preventDefault();
    enter.mutate(String(new FormData(submitted.currentTarget).get("name")).trim());
  };
  const start = new Date(event.starts_at);
  return (
    <MainContent className="card join">
      <div className="col">
        <h1>{event.title}</h1>
        <p className="muted">
          {dayAndTime(start, now)} {zoneName(start)}
        </p>
        {event.description && <p>{event.description}</p>}
      </div>
      {event.access === "open" ? (
        <form className="col" onSubmit={submit}>
          <p className="muted">{t("attendee.join.openText")}</p>
          <TextField label={t("attendee.join.name")} name="name" placeholder={t("attendee.join.namePlaceholder")} autoComplete="name" required maxLength={128} />
          <ProblemNotice error={enter.error} />
          <Button kind="primary" size="lg" type="submit" busy={enter.isPending}>
            {t("attendee.join.action")}
          </Button>
        </form>
      ) : (
        <Empty icon={<Lock size={22} aria-hidden />} title={t("attendee.join.closedTitle")} text={t("attendee.join.closedText")} />
      )}
    </MainContent>
  );
}

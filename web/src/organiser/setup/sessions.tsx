/** The sessions of an event. */
import { useQuery } from "@tanstack/react-query";
import { MessagesSquare, Plus } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { createSession, listSessions } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { Event } from "@/api/types";
import { useNow } from "@/lib/hooks";
import { dayAndTime } from "@/lib/time";
import { Button, ButtonLink } from "@/ui/button";
import { TextField } from "@/ui/field";
import { Empty, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { AddTitle } from "./add-title";

export function Sessions({ event }: { event: Event }) {
  const now = useNow(60_000);
  const [adding, setAdding] = useState(false);
  const sessions = useQuery({ queryKey: ["sessions", event.id], queryFn: () => listSessions(event.id) });
  const add = async (title: string, form: FormData) => {
    const starts = String(form.get("starts") ?? "");
    await createSession(event.id, { title, description: String(form.get("description") ?? ""), ...(starts && { starts_at: new Date(starts).toISOString() }) });
    await queryClient.invalidateQueries({ queryKey: ["sessions", event.id] });
  };
  const items = sessions.data?.items ?? [];
  return (
    <section aria-labelledby="sessions">
      <div className="section-head">
        <h2 id="sessions" className="grow">
          {t("organiser.event.sessions")}
        </h2>
        <Button size="sm" icon={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          {t("organiser.event.newSession")}
        </Button>
      </div>
      {sessions.isPending && <SkeletonList rows={2} height={64} />}
      {sessions.isError && <Problem error={sessions.error} onRetry={() => void sessions.refetch()} />}
      {sessions.isSuccess && (
        <div className="card divided">
          {items.map((session) => (
            <div className="list-row" key={session.id}>
              <div className="grow">
                <h3 className="ellipsis">{session.title}</h3>
                {session.starts_at && <p className="tiny">{dayAndTime(new Date(session.starts_at), now)}</p>}
              </div>
              <ButtonLink to={`/e/${event.slug}/sessions/${session.id}`} size="sm">
                {t("organiser.event.enter")}
              </ButtonLink>
            </div>
          ))}
          {items.length === 0 && (
            <Empty icon={<MessagesSquare size={24} aria-hidden />} title={t("organiser.event.sessionsEmptyTitle")} text={t("organiser.event.sessionsEmpty")} />
          )}
        </div>
      )}
      <AddTitle open={adding} onClose={() => setAdding(false)} heading={t("organiser.event.newSession")} placeholder={t("organiser.event.sessionPlaceholder")} onAdd={add}>
        <TextField label={t("organiser.events.description")} name="description" maxLength={10_000} />
        <TextField label={t("organiser.event.planned")} name="starts" type="datetime-local" />
      </AddTitle>
    </section>
  );
}

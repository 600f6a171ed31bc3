/** One event: its stages, sessions and people. */
import "../organiser.css";
import { useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import { t } from "@/i18n";
import { useParams } from "react-router";
import { getEvent } from "@/api/organiser";
import type { Event } from "@/api/types";
import { useNow, useTitle } from "@/lib/hooks";
import { dayAndTime, zoneName } from "@/lib/time";
import { ButtonLink } from "@/ui/button";
import { CopyLink } from "@/ui/copy";
import { Page } from "@/ui/frame";
import { SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { OrganiserFrame } from "../frame";
import { People } from "./people";
import { Sessions } from "./sessions";
import { Stages } from "./stages";

export function useEvent(): ReturnType<typeof useQuery<Event>> {
  const { eventId = "" } = useParams();
  return useQuery({ queryKey: ["event", eventId], queryFn: () => getEvent(eventId) });
}

export function EventSetup() {
  const event = useEvent();
  useTitle(event.data?.title);
  return (
    <OrganiserFrame event={event.data}>
      <Page>
        {event.isPending && <SkeletonList />}
        {event.isError && <Problem error={event.error} onRetry={() => void event.refetch()} />}
        {event.data && <Content event={event.data} />}
      </Page>
    </OrganiserFrame>
  );
}

function Content({ event }: { event: Event }) {
  const now = useNow(60_000);
  const start = new Date(event.starts_at);
  return (
    <>
      <div className="page-head">
        <div className="grow">
          <h1>{event.title}</h1>
          <p className="muted">
            {dayAndTime(start, now)} – {dayAndTime(new Date(event.ends_at), now)} {zoneName(start)}
          </p>
        </div>
        <ButtonLink to={`/e/${event.slug}`} icon={<ExternalLink size={16} aria-hidden />}>
          {t("organiser.event.attendeeView")}
        </ButtonLink>
      </div>
      <div className="setup">
        <div className="setup-main">
          <Stages eventId={event.id} />
          <Sessions event={event} />
        </div>
        <div className="setup-side">
          {event.access === "open" && (
            <section className="card pad col">
              <h2>{t("organiser.event.attendeeLink")}</h2>
              <p className="small muted">{t("organiser.event.attendeeLinkText")}</p>
              <CopyLink url={`${window.location.origin}/e/${event.slug}`} label={t("common.copyLink")} />
            </section>
          )}
          <People eventId={event.id} />
        </div>
      </div>
    </>
  );
}

/** All events of the organisation. */
import "./organiser.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { CalendarPlus, Lock, Plus, Users } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { Link } from "react-router";
import { listEvents } from "@/api/organiser";
import type { Event } from "@/api/types";
import { useNow, useTitle } from "@/lib/hooks";
import { dayAndTime, fromNow } from "@/lib/time";
import { Button } from "@/ui/button";
import { Page } from "@/ui/frame";
import { Chip, Empty, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { OrganiserFrame } from "./frame";
import { NewEventDialog } from "./new-event";

export function Events() {
  useTitle(t("organiser.events.title"));
  const [creating, setCreating] = useState(false);
  const events = useInfiniteQuery({
    queryKey: ["events"],
    queryFn: ({ pageParam }) => listEvents(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const items = events.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <OrganiserFrame>
      <Page>
        <div className="page-head">
          <h1 className="grow">{t("organiser.events.title")}</h1>
          <Button kind="primary" icon={<Plus size={18} aria-hidden />} onClick={() => setCreating(true)}>
            {t("organiser.events.new")}
          </Button>
        </div>
        {events.isPending && <SkeletonList height={104} />}
        {events.isError && <Problem error={events.error} onRetry={() => void events.refetch()} />}
        {events.isSuccess && items.length === 0 && (
          <div className="card">
            <Empty
              icon={<CalendarPlus size={24} aria-hidden />}
              title={t("organiser.events.emptyTitle")}
              text={t("organiser.events.emptyText")}
              action={
                <Button kind="primary" size="lg" onClick={() => setCreating(true)}>
                  {t("organiser.events.new")}
                </Button>
              }
            />
          </div>
        )}
        <ul className="event-cards">
          {items.map((event) => (
            <li key={event.id}>
              <EventCard event={event} />
            </li>
          ))}
        </ul>
        {events.hasNextPage && (
          <Button busy={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
            {t("organiser.events.more")}
          </Button>
        )}
      </Page>
      <NewEventDialog open={creating} onClose={() => setCreating(false)} />
    </OrganiserFrame>
  );
}

function EventCard({ event }: { event: Event }) {
  const now = useNow(60_000);
  const start = new Date(event.starts_at);
  const over = new Date(event.ends_at) < now;
  return (
    <Link to={`/events/${event.id}`} className="card event-card">
      <div className="row wrap">
        <Chip>
          {event.access === "open" ? <Users size={13} aria-hidden /> : <Lock size={13} aria-hidden />}
          {t(`organiser.events.access_${event.access}`)}
        </Chip>
        <Chip kind={over ? "plain" : "good"}>{over ? t("organiser.events.over") : start <= now ? t("organiser.events.now") : fromNow(start, now)}</Chip>
      </div>
      <h2>{event.title}</h2>
      {event.description && <p className="muted event-card-text">{event.description}</p>}
      <p className="small muted">{dayAndTime(start, now)}</p>
    </Link>
  );
}

/** What is on besides the large thing, and what comes: every row has exactly one action. */
import { CalendarDays } from "lucide-react";
import { t } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { dayAndTime, fromNow, timeOfDay } from "@/lib/time";
import { ButtonLink } from "@/ui/button";
import { Empty, LiveChip } from "@/ui/parts";
import type { PlaceItem } from "../model";

export function Schedule({ title, items }: { title: string; items: readonly PlaceItem[] }) {
  return (
    <section className="col" aria-label={title}>
      <h2>{title}</h2>
      <div className="card divided">
        {items.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </div>
    </section>
  );
}

export function EmptySchedule() {
  return (
    <div className="card">
      <Empty icon={<CalendarDays size={24} aria-hidden />} title={t("attendee.reception.emptyTitle")} text={t("attendee.reception.emptyText")} />
    </div>
  );
}

function Row({ item }: { item: PlaceItem }) {
  const session = item.kind === "session";
  const people = item.people ? ` · ${t("attendee.people", { count: item.people })}` : "";
  return (
    <div className="schedule-row">
      <When item={item} />
      <div className="grow">
        <h3>{item.title}</h3>
        <p className="small muted">
          {t(session ? "attendee.reception.session" : "attendee.reception.stage")}
          {item.description ? ` · ${item.description}` : ""}
          {people}
        </p>
      </div>
      <ButtonLink to={item.to} kind={item.status === "live" ? "primary" : "plain"}>
        {t(session ? "attendee.reception.join" : item.status === "live" ? "attendee.reception.watch" : "attendee.reception.open")}
      </ButtonLink>
    </div>
  );
}

function When({ item }: { item: PlaceItem }) {
  const now = useNow(30_000);
  if (item.status === "live") {
    return (
      <div className="schedule-when">{item.kind === "stage" ? <LiveChip /> : <span className="chip good">{t("attendee.reception.open_now")}</span>}</div>
    );
  }
  if (!item.startsAt) return <div className="schedule-when muted">{t("attendee.reception.soon")}</div>;
  return (
    <div className="schedule-when" title={dayAndTime(item.startsAt, now)}>
      <strong>{timeOfDay(item.startsAt)}</strong>
      <span className="tiny">{fromNow(item.startsAt, now)}</span>
    </div>
  );
}

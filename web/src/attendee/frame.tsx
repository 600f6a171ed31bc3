/** The attendee's top bar. */
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { useEmbedding } from "@/lib/embedding";
import { ButtonLink } from "@/ui/button";
import { Frame } from "@/ui/frame";
import { Avatar, Chip } from "@/ui/parts";
import { useInside } from "./experience";

export function AttendeeFrame({ online, children }: { online?: number | undefined; children: ReactNode }) {
  const { event, person } = useInside();
  const embedded = useEmbedding() !== undefined;
  const home = `/e/${event.slug}`;
  // The page around it has its own.
  if (embedded) return children;
  return (
    <Frame
      home={home}
      name={event.title}
      places={[
        { to: home, label: t("attendee.nav.reception"), end: true },
        { to: `${home}/replays`, label: t("attendee.nav.replays") },
      ]}
      side={
        <>
          {online !== undefined && online > 0 && (
            <span className="hide-phone">
              <Chip>
                <span className="dot online-dot" />
                {t("attendee.online", { count: online })}
              </Chip>
            </span>
          )}
          {person ? (
            <span title={person.name}>
              <Avatar name={person.name} />
              <span className="visually-hidden">{person.name}</span>
            </span>
          ) : (
            <ButtonLink to={`/events/${event.id}`} size="sm">
              {t("attendee.organiserView")}
            </ButtonLink>
          )}
        </>
      }
    >
      {children}
    </Frame>
  );
}

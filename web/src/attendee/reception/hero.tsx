/** The one large thing of the reception. */
import { CalendarClock, Play, Users } from "lucide-react";
import { t } from "@/i18n";
import { ButtonLink } from "@/ui/button";
import { Chip, LiveChip } from "@/ui/parts";
import { Player } from "@/player/lazy-player";
import { Countdown } from "../countdown";
import type { PlaceItem } from "../model";

export interface HeroProps {
  item: PlaceItem;
  /** Playlist of a live stage, shown silently. */
  hlsUrl?: string | undefined;
}

/** Red only says that an audience sees a stage now; a session is merely open. */
function NowChip({ item }: { item: PlaceItem }) {
  if (item.status !== "live") return <Chip>{t("attendee.reception.upNext")}</Chip>;
  if (item.kind === "session") return <Chip kind="good">{t("attendee.reception.open_now")}</Chip>;
  return <LiveChip label={t("attendee.reception.liveNow")} />;
}

export function Hero({ item, hlsUrl }: HeroProps) {
  const live = item.status === "live";
  return (
    <section className="card hero" aria-label={t(live ? "attendee.reception.liveNow" : "attendee.reception.upNext")}>
      <div className="hero-picture">
        {live && hlsUrl ? (
          <Player src={hlsUrl} live title={item.title} monitor autoplay />
        ) : (
          <div className="holding">
            {item.startsAt && !live ? <Countdown until={item.startsAt} /> : <CalendarClock size={44} strokeWidth={1.4} aria-hidden />}
          </div>
        )}
      </div>
      <div className="hero-text">
        <div className="row wrap">
          <NowChip item={item} />
          {item.people !== undefined && live && (
            <Chip>
              <Users size={14} aria-hidden />
              {t("attendee.people", { count: item.people })}
            </Chip>
          )}
        </div>
        <h2>{item.title}</h2>
        {item.description && <p className="muted">{item.description}</p>}
        <span className="grow" />
        <div className="row wrap">
          <ButtonLink to={item.to} kind="primary" size="lg" icon={<Play size={18} aria-hidden />}>
            {t(item.kind === "session" ? "attendee.reception.join" : live ? "attendee.reception.watch" : "attendee.reception.open")}
          </ButtonLink>
        </div>
      </div>
    </section>
  );
}

/** The one large thing of the reception. */
import "@/player/player.css";
import { CalendarClock, Play, Users } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { ButtonLink } from "@/ui/button";
import { Chip, LiveChip } from "@/ui/parts";
import { Countdown } from "../countdown";
import type { PlaceItem } from "../model";

/** The player is larger than the rest of the reception: it comes when something is live. */
const Player = lazy(async () => ({ default: (await import("@/player/player")).Player }));

export interface HeroProps {
  item: PlaceItem;
  /** Playlist of a live stage, shown silently. */
  hlsUrl?: string | undefined;
}

export function Hero({ item, hlsUrl }: HeroProps) {
  const { t } = useTranslation();
  const live = item.status === "live";
  return (
    <section className="card hero" aria-label={t(live ? "attendee.reception.liveNow" : "attendee.reception.upNext")}>
      <div className="hero-picture">
        {live && hlsUrl ? (
          <Suspense fallback={<div className="holding" />}>
            <Player src={hlsUrl} live title={item.title} monitor autoplay />
          </Suspense>
        ) : (
          <div className="holding">
            {item.startsAt && !live ? <Countdown until={item.startsAt} /> : <CalendarClock size={44} strokeWidth={1.4} aria-hidden />}
          </div>
        )}
      </div>
      <div className="hero-text">
        <div className="row wrap">
          {live ? <LiveChip label={t("attendee.reception.liveNow")} /> : <Chip>{t("attendee.reception.upNext")}</Chip>}
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

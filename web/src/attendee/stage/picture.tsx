/** The picture of a stage in each of its states. */
import { Users } from "lucide-react";
import { useEffect } from "react";
import { t } from "@/i18n";
import { useNow } from "@/lib/hooks";
import type { Stage, Watch } from "@/api/types";
import { loadPlayer, Player } from "@/player/lazy-player";
import { Chip, LiveChip } from "@/ui/parts";
import { Countdown } from "../countdown";
import { useInside } from "../experience";

/** Names what plays; the query is a token, which is renewed while it plays. */
function stream(url: string): string {
  return url.split("?")[0] ?? url;
}

export function Picture({ stage, watch }: { stage: Stage; watch: Watch }) {
  switch (watch.state) {
    case "live":
      // Also the address of the last seconds and of the replay: one player lives through them all.
      return watch.hls_url ? <Player key={`live ${stream(watch.hls_url)}`} src={watch.hls_url} live title={stage.title} badges={<OnAir viewers={watch.viewers} />} /> : <Holding title={t("attendee.stage.startingTitle")} busy />;
    case "starting":
      return <Holding title={t("attendee.stage.startingTitle")} busy />;
    case "ending":
      return <Holding title={t("attendee.stage.endingTitle")} text={t("attendee.stage.replaySoon")} busy />;
    case "ended":
      return watch.hls_url ? (
        <Player key={`replay ${stream(watch.hls_url)}`} src={watch.hls_url} live={false} title={stage.title} badges={<Chip kind="on-video">{t("attendee.stage.replay")}</Chip>} />
      ) : (
        <Holding title={t("attendee.stage.endingTitle")} text={t("attendee.stage.replaySoon")} busy />
      );
    case "off_air":
      return watch.hls_url ? (
        <Player key={`replay ${stream(watch.hls_url)}`} src={watch.hls_url} live={false} title={stage.title} badges={<Chip kind="on-video">{t("attendee.stage.replay")}</Chip>} />
      ) : (
        <Before />
      );
  }
}

function OnAir({ viewers }: { viewers: number }) {
  return (
    <>
      <LiveChip />
      <Chip kind="on-video">
        <Users size={14} aria-hidden />
        {t("attendee.watching", { count: viewers })}
      </Chip>
    </>
  );
}

/** The picture comes soon: its player may come now. */
function usePlayerSoon(): void {
  useEffect(() => {
    // If it does not come now, it is asked for again when there is something to play.
    loadPlayer().catch(() => undefined);
  }, []);
}

function Holding({ title, text, busy = false }: { title: string; text?: string; busy?: boolean }) {
  usePlayerSoon();
  return (
    <div className="holding" role="status">
      {busy && <span className="spinner" aria-hidden />}
      <h2>{title}</h2>
      {text && <p>{text}</p>}
    </div>
  );
}

function Before() {
  usePlayerSoon();
  const { event } = useInside();
  const now = useNow(1000);
  const start = new Date(event.starts_at);
  return (
    <div className="holding">
      <h2>{t("attendee.stage.before")}</h2>
      {start > now && <Countdown until={start} />}
      <p>{t("attendee.stage.beforeText")}</p>
    </div>
  );
}

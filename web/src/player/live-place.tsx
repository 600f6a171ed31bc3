/** Whether the picture is live, how far behind it is, and the way back. */
import type { HlsVideoElement } from "hls-video-element";
import { t } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { goLive, isAtEdge, liveEdge } from "./edge";
import type { MediaState } from "./media";

export function LiveButton({ element, media }: { element: HlsVideoElement | null; media: MediaState }) {
  const live = element !== null && !media.paused && isAtEdge(media.time, liveEdge(element));
  return (
    <button type="button" className="player-btn player-live" data-live={live || undefined} aria-disabled={live} aria-label={t(live ? "player.isLive" : "player.goLive")} onClick={() => !live && element && goLive(element)}>
      <span className="dot" aria-hidden />
      {t("common.live")}
    </button>
  );
}

export function Behind({ element }: { element: HlsVideoElement | null }) {
  useNow(1000);
  const latency = element?.api?.latency ?? 0;
  if (!Number.isFinite(latency) || latency < 0.5) return null;
  const seconds = latency < 60 ? latency.toFixed(1) : String(Math.round(latency));
  return (
    <span className="player-behind">
      <span className="wide-only">{t("player.behind", { seconds })}</span>
      <span className="narrow-only">{t("player.behindShort", { seconds })}</span>
    </span>
  );
}

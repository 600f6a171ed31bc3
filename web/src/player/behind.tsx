/** How far behind live the picture is, in seconds. */
import type { HlsVideoElement } from "hls-video-element";
import { useTranslation } from "react-i18next";
import { useNow } from "@/lib/hooks";

export function Behind({ element }: { element: HlsVideoElement | null }) {
  const { t } = useTranslation();
  useNow(1000);
  const latency = element?.api?.latency ?? 0;
  if (!Number.isFinite(latency) || latency < 0.5) return null;
  const seconds = latency < 60 ? latency.toFixed(1) : String(Math.round(latency));
  return <span className="player-behind">{t("player.behind", { seconds })}</span>;
}

/** The bar over the whole time that can be played, with the picture of the second under the pointer. */
import type { HlsVideoElement } from "hls-video-element";
import { type CSSProperties, type PointerEvent, useState } from "react";
import { t } from "@/i18n";
import { clock } from "@/lib/time";
import { isAtEdge, liveEdge } from "./edge";
import type { MediaState } from "./media";
import type { Thumbnail } from "./storyboard";

export interface TimeBarProps {
  element: HlsVideoElement | null;
  media: MediaState;
  live: boolean;
  thumbnailAt: (time: number) => Thumbnail | undefined;
}

const percent = (share: number) => `${Math.min(100, Math.max(0, share * 100))}%`;

/** Of a live stream the time from its end, else from the start. */
function clockOf(time: number, end: number, live: boolean): string {
  if (!live) return clock(time * 1000, true);
  const behind = Math.round(end - time);
  return behind <= 0 ? t("common.live") : `−${clock(behind * 1000, true)}`;
}

export function TimeBar({ element, media, live, thumbnailAt }: TimeBarProps) {
  const [pointed, setPointed] = useState<number>();
  const { start, time, loaded } = media;
  const edge = live && element ? Math.max(start, liveEdge(element)) : media.end;
  const length = edge - start;
  const at = live && isAtEdge(time, edge) ? edge : time;
  const share = (second: number) => (length > 0 ? (second - start) / length : 0);
  const style = { "--at": percent(share(at)), "--loaded": percent(share(loaded)) } as CSSProperties;
  const point = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setPointed(start + (length * Math.min(Math.max(0, event.clientX - box.left), box.width)) / box.width);
  };
  return (
    <div className="player-time" onPointerMove={point} onPointerLeave={() => setPointed(undefined)}>
      <input
        type="range"
        data-seeks
        className="player-range"
        style={style}
        min={start}
        max={edge}
        step="any"
        value={at}
        disabled={length <= 0}
        aria-label={t("player.position")}
        aria-valuetext={live ? clockOf(at, edge, true) : t("player.positionOf", { time: clock(at * 1000, true), length: clock(length * 1000, true) })}
        onChange={(event) => {
          if (element) element.currentTime = Number(event.target.value);
        }}
      />
      {pointed !== undefined && length > 0 && (
        <div className="player-preview" style={{ left: `clamp(84px, ${percent(share(pointed))}, calc(100% - 84px))` }} aria-hidden>
          <Picture of={thumbnailAt(pointed)} />
          <span className="player-preview-time">{clockOf(pointed, edge, live)}</span>
        </div>
      )}
    </div>
  );
}

function Picture({ of }: { of: Thumbnail | undefined }) {
  if (!of) return null;
  return <span className="player-thumbnail" style={{ width: of.width, height: of.height, backgroundImage: `url("${of.url}")`, backgroundPosition: `-${of.x}px -${of.y}px` }} />;
}

/** The player of stages and replays: HLS with captions, rewind, live edge and quality. */
import "./player.css";
import type { HlsVideoElement } from "hls-video-element";
import HlsVideo from "hls-video-element/react";
import { Volume2 } from "lucide-react";
import { type MouseEvent, type ReactNode, useState } from "react";
import { t } from "@/i18n";
import { useAutoplay } from "./autoplay";
import { useCaptions } from "./captions";
import { Controls, MonitorControls, toggle } from "./controls";
import { useFullscreen } from "./fullscreen";
import { useIdle } from "./idle";
import { useMedia } from "./media";
import type { StreamState } from "./recovery";
import { useShortcuts } from "./shortcuts";
import { useLastPicture, useStalled } from "./stall";
import { STORYBOARD } from "./storyboard";
import { useStream } from "./stream";
import { useCaptionTracks } from "./tracks";

export interface PlayerProps {
  /** URL of the multivariant playlist. */
  src: string;
  live: boolean;
  /** Said to screen readers. */
  title: string;
  /** Chips over the upper left of the picture. */
  badges?: ReactNode;
  /** Picture, mute and nothing else, silent at first: the organiser's monitor. */
  monitor?: boolean;
  autoplay?: boolean;
  /** URL of a WebVTT file that maps times to pictures for hovering over the time bar. */
  storyboard?: string | undefined;
  poster?: string | undefined;
}

/** Three live segments behind the edge is RFC 8216 §6.3.3's distance and lets one late segment pass unseen. */
const HLS_CONFIG = { liveSyncDurationCount: 3, backBufferLength: 90, maxBufferLength: 30, capLevelToPlayerSize: true };
/** From the start: the whole replay is there. */
const REPLAY_CONFIG = { ...HLS_CONFIG, startPosition: 0 };

export function Player({ src, live, title, badges, monitor = false, autoplay = live, storyboard, poster }: PlayerProps) {
  const [box, setBox] = useState<HTMLElement | null>(null);
  const [element, setElement] = useState<HlsVideoElement | null>(null);
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null);
  const [settings, setSettings] = useState(false);
  const keepPicture = useLastPicture(element, canvas);
  const state = useStream(element, src, live ? HLS_CONFIG : REPLAY_CONFIG, keepPicture);
  const streaming = state === "playing" || state === "reconnecting";
  const stalled = useStalled(element);
  const sound = useAutoplay(element, autoplay);
  const media = useMedia(element);
  const captions = useCaptionTracks(element);
  useCaptions(element, captions, sound.refused);
  const fullscreen = useFullscreen(box, element);
  const idle = useIdle(box, !media.paused && !settings);
  useShortcuts(box, element, { captions: captions.toggle, fullscreen: fullscreen.toggle });
  const press = (event: MouseEvent) => {
    setSettings(false);
    // On a touch screen a tap only shows the controls.
    if (element && !monitor && matchMedia("(hover: hover)").matches && event.detail === 1) toggle(element);
  };
  const enlarge = () => {
    // The first of the two presses has paused or played: take that back.
    if (element && !monitor) toggle(element);
    fullscreen.toggle();
  };
  const parts = { element, media, full: fullscreen.full, onFull: fullscreen.toggle };
  return (
    <section className="player" ref={setBox} aria-label={title} tabIndex={-1} data-live={live || undefined} data-stream={state} data-idle={idle || undefined}>
      <div className="player-picture" onClick={press} onDoubleClick={enlarge} role="presentation">
        <HlsVideo
          ref={setElement}
          playsInline
          muted={monitor}
          preload="auto"
          crossOrigin="anonymous"
          {...(poster && { poster })}
        >
          {storyboard && <track label={STORYBOARD} default kind="metadata" src={storyboard} />}
        </HlsVideo>
        <canvas ref={setCanvas} hidden aria-hidden />
      </div>
      <Words badges={badges} state={state} reconnecting={streaming && (stalled || state === "reconnecting")} seeking={streaming && media.seeking} />
      {sound.refused && (
        <button type="button" className="btn lg player-sound" onClick={sound.turnOn}>
          <Volume2 size={18} aria-hidden />
          {t("player.turnSoundOn")}
        </button>
      )}
      {monitor ? <MonitorControls {...parts} /> : <Controls {...parts} live={live} captions={captions} streaming={streaming} storyboard={storyboard} open={settings} onOpen={setSettings} />}
    </section>
  );
}

/** What is said over the picture. The picture itself stays, whatever happens. */
function Words({ badges, state, reconnecting, seeking }: { badges: ReactNode; state: StreamState; reconnecting: boolean; seeking: boolean }) {
  return (
    <>
      <div className="player-badges">
        {badges}
        {reconnecting && (
          <span className="chip on-video" role="status">
            <span className="spinner" aria-hidden />
            {t("player.reconnecting")}
          </span>
        )}
      </div>
      {state === "refused" && (
        <div className="player-starting" role="alert">
          {t("player.refused")}
        </div>
      )}
      {state === "starting" && (
        <div className="player-starting" role="status">
          <span className="spinner" aria-hidden />
          {t("player.starting")}
        </div>
      )}
      {seeking && !reconnecting && <span className="player-seeking spinner" aria-hidden />}
    </>
  );
}

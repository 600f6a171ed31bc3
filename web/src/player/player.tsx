/** The player of stages and replays: HLS with captions, rewind, live edge and quality. */
import "./player.css";
import type { HlsVideoElement } from "hls-video-element";
import HlsVideo from "hls-video-element/react";
import { Volume2 } from "lucide-react";
import { MediaController, MediaLoadingIndicator } from "media-chrome/react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useAutoplay } from "./autoplay";
import { useCaptions } from "./captions";
import { Controls } from "./controls";
import { useRecovery } from "./recovery";

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

/** media-chrome hides what lies over the picture when the pointer rests; badges stay. */
const ALWAYS_SHOWN = { noautohide: "" };

export function Player({ src, live, title, badges, monitor = false, autoplay = live, storyboard, poster }: PlayerProps) {
  const { t } = useTranslation();
  const [element, setElement] = useState<HlsVideoElement | null>(null);
  const state = useRecovery(element, src);
  const sound = useAutoplay(element, autoplay);
  useCaptions(element);
  return (
    <MediaController className="player" aria-label={title} defaultSubtitles={sound.refused} data-live={live || undefined} data-stream={state} noAutoSeekToLive>
      <HlsVideo
        slot="media"
        ref={setElement}
        src={src}
        config={live ? HLS_CONFIG : REPLAY_CONFIG}
        playsInline
        muted={monitor}
        preload="auto"
        crossOrigin="anonymous"
        {...(poster && { poster })}
      >
        {storyboard && <track label="thumbnails" default kind="metadata" src={storyboard} />}
      </HlsVideo>
      <div slot="top-chrome" className="player-badges" {...ALWAYS_SHOWN}>
        {badges}
        {state === "reconnecting" && (
          <span className="chip on-video" role="status">
            <span className="spinner" aria-hidden />
            {t("player.reconnecting")}
          </span>
        )}
      </div>
      {state === "starting" ? (
        <div slot="centered-chrome" className="player-starting" role="status">
          <span className="spinner" aria-hidden />
          {t("player.starting")}
        </div>
      ) : (
        <MediaLoadingIndicator slot="centered-chrome" noAutohide loadingDelay={800} />
      )}
      {sound.refused && (
        <button type="button" slot="centered-chrome" className="btn lg player-sound" onClick={sound.turnOn}>
          <Volume2 size={18} aria-hidden />
          {t("player.turnSoundOn")}
        </button>
      )}
      <Controls element={element} live={live} monitor={monitor} />
    </MediaController>
  );
}

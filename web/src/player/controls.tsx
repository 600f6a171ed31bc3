/** The bar under the picture. */
import type { HlsVideoElement } from "hls-video-element";
import { Captions as CaptionsIcon, CaptionsOff, Maximize, Minimize, Pause, PictureInPicture2, Play, RotateCcw, Volume2, VolumeX } from "lucide-react";
import type { CSSProperties } from "react";
import { t } from "@/i18n";
import { clock } from "@/lib/time";
import { ControlButton } from "./control-button";
import { Behind, LiveButton } from "./live-place";
import type { MediaState } from "./media";
import { Settings, type SettingsProps } from "./settings";
import { useStoryboard } from "./storyboard";
import { TimeBar } from "./time-bar";

/** Seconds that the back button and the arrow keys move. */
export const STEP = 10;

export interface ControlsProps extends SettingsProps {
  live: boolean;
  /** Address of the small pictures. */
  storyboard: string | undefined;
  full: boolean;
  onFull: () => void;
}

export function toggle(element: HlsVideoElement): void {
  if (element.paused) void element.play().catch(() => undefined);
  else element.pause();
}

export function seekBy(element: HlsVideoElement, seconds: number): void {
  element.currentTime = Math.max(0, element.currentTime + seconds);
}

export function Controls(props: ControlsProps) {
  const { element, media, live, captions, full, onFull, storyboard } = props;
  const thumbnailAt = useStoryboard(element, storyboard);
  const captioned = captions.tracks.some((track) => track.on);
  return (
    <div className="player-controls">
      <TimeBar element={element} media={media} live={live} thumbnailAt={thumbnailAt} />
      <div className="player-bar">
        <ControlButton label={t(media.paused ? "player.play" : "player.pause")} onClick={() => element && toggle(element)}>
          {media.paused ? <Play size={22} fill="currentColor" aria-hidden /> : <Pause size={22} fill="currentColor" aria-hidden />}
        </ControlButton>
        <ControlButton label={t("player.back", { seconds: STEP })} className="wide-only" onClick={() => element && seekBy(element, -STEP)}>
          <RotateCcw size={20} aria-hidden />
        </ControlButton>
        <MuteButton element={element} media={media} />
        <VolumeBar element={element} media={media} />
        {live ? <LiveButton element={element} media={media} /> : <span className="player-clock">{`${clock(media.time * 1000, true)} / ${clock(media.end * 1000, true)}`}</span>}
        {live && <Behind element={element} />}
        <span className="grow" />
        {captions.tracks.length > 0 && (
          <ControlButton label={t("player.captions")} aria-pressed={captioned} onClick={captions.toggle}>
            {captioned ? <CaptionsIcon size={22} aria-hidden /> : <CaptionsOff size={22} aria-hidden />}
          </ControlButton>
        )}
        <Settings {...props} />
        <PipButton element={element} />
        <FullscreenButton full={full} onFull={onFull} />
      </div>
    </div>
  );
}

/** What an organiser needs to watch their own stage. */
export function MonitorControls({ element, media, full, onFull }: Pick<ControlsProps, "element" | "media" | "full" | "onFull">) {
  return (
    <div className="player-controls">
      <div className="player-bar">
        <MuteButton element={element} media={media} />
        <span className="grow" />
        <Behind element={element} />
        <FullscreenButton full={full} onFull={onFull} />
      </div>
    </div>
  );
}

function FullscreenButton({ full, onFull }: { full: boolean; onFull: () => void }) {
  return (
    <ControlButton label={t(full ? "player.leaveFullscreen" : "player.fullscreen")} onClick={onFull}>
      {full ? <Minimize size={20} aria-hidden /> : <Maximize size={20} aria-hidden />}
    </ControlButton>
  );
}

function MuteButton({ element, media }: { element: HlsVideoElement | null; media: MediaState }) {
  const silent = media.muted || media.volume === 0;
  return (
    <ControlButton
      label={t(silent ? "player.unmute" : "player.mute")}
      onClick={() => {
        if (element) element.muted = !element.muted;
      }}
    >
      {silent ? <VolumeX size={21} aria-hidden /> : <Volume2 size={21} aria-hidden />}
    </ControlButton>
  );
}

function VolumeBar({ element, media }: { element: HlsVideoElement | null; media: MediaState }) {
  const volume = media.muted ? 0 : media.volume;
  return (
    <input
      type="range"
      className="player-range player-volume wide-only"
      style={{ "--at": `${volume * 100}%`, "--loaded": "0%" } as CSSProperties}
      min={0}
      max={1}
      step={0.05}
      value={volume}
      aria-label={t("player.volume")}
      aria-valuetext={`${Math.round(volume * 100)} %`}
      onChange={(event) => {
        if (!element) return;
        element.volume = Number(event.target.value);
        element.muted = element.volume === 0;
      }}
    />
  );
}

function PipButton({ element }: { element: HlsVideoElement | null }) {
  if (!document.pictureInPictureEnabled) return null;
  const float = () => {
    const out = document.pictureInPictureElement ? document.exitPictureInPicture() : element?.nativeEl?.requestPictureInPicture();
    void out?.catch(() => undefined);
  };
  return (
    <ControlButton label={t("player.float")} className="wide-only" onClick={float}>
      <PictureInPicture2 size={20} aria-hidden />
    </ControlButton>
  );
}

/** The captions that a stream offers, and which are on. */
import type { HlsVideoElement } from "hls-video-element";
import { useCallback, useEffect, useState } from "react";

export interface CaptionTrack {
  /** Tells tracks apart; stays the same while the stream plays. */
  key: string;
  label: string;
  on: boolean;
}

function captionsOf(element: HlsVideoElement): TextTrack[] {
  return [...element.textTracks].filter((track) => track.kind === "captions" || track.kind === "subtitles");
}

const keyOf = (track: TextTrack) => `${track.language} ${track.label}`;

function read(element: HlsVideoElement): CaptionTrack[] {
  return captionsOf(element).map((track) => ({ key: keyOf(track), label: track.label || track.language, on: track.mode === "showing" }));
}

export interface Captions {
  tracks: readonly CaptionTrack[];
  /** `undefined`: none. */
  show: (key: string | undefined) => void;
  toggle: () => void;
}

export function useCaptionTracks(element: HlsVideoElement | null): Captions {
  const [tracks, setTracks] = useState<readonly CaptionTrack[]>([]);
  useEffect(() => {
    const list = element?.textTracks;
    if (!element || !list) return undefined;
    const update = () => setTracks(read(element));
    update();
    const events = ["addtrack", "removetrack", "change"] as const;
    for (const event of events) list.addEventListener(event, update);
    return () => {
      for (const event of events) list.removeEventListener(event, update);
    };
  }, [element]);
  const show = useCallback(
    (key: string | undefined) => {
      for (const track of element ? captionsOf(element) : []) track.mode = keyOf(track) === key ? "showing" : "disabled";
    },
    [element],
  );
  const toggle = useCallback(() => show(tracks.some((track) => track.on) ? undefined : tracks[0]?.key), [show, tracks]);
  return { tracks, show, toggle };
}

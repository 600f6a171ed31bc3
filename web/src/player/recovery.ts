/** Keeps a stream playing: decides what to do after an error of hls.js. It shows nothing. */
import type { HlsVideoElement } from "hls-video-element";
import Hls, { type ErrorData } from "hls.js";
import { useEffect, useState } from "react";

/** ```text
 * starting ──first picture──▶ playing ──fatal error──▶ reconnecting ──data again──▶ playing
 *     └──────────────────────────┴── no token, or an old one ──▶ refused
 * ``` */
export type StreamState = "starting" | "playing" | "reconnecting" | "refused";

/** What helps against an error. */
export type Remedy = "none" | "reload-playlist" | "load-again" | "recover-media" | "give-up";

/** What the origin answers who brings no valid token; asking again brings the same answer. */
const FORBIDDEN = 403;

/** Chooses the remedy; only fatal errors need one, hls.js retries the others itself. */
export function remedyFor(error: Pick<ErrorData, "fatal" | "type" | "details"> & { response?: { code?: number } | undefined }): Remedy {
  if (!error.fatal) return "none";
  if (error.response?.code === FORBIDDEN) return "give-up";
  if (error.type === Hls.ErrorTypes.MEDIA_ERROR) return "recover-media";
  switch (error.details) {
    case Hls.ErrorDetails.MANIFEST_LOAD_ERROR:
    case Hls.ErrorDetails.MANIFEST_LOAD_TIMEOUT:
    case Hls.ErrorDetails.MANIFEST_PARSING_ERROR:
    case Hls.ErrorDetails.LEVEL_EMPTY_ERROR:
      return "reload-playlist";
    default:
      return "load-again";
  }
}

/** Waits a little longer each time, so that a thousand viewers do not knock at once. */
export function retryDelayMs(attempt: number, random: number): number {
  return Math.min(8000, 700 * 2 ** Math.min(attempt, 4)) * (0.75 + random / 2);
}

type Repair = Exclude<Remedy, "none" | "give-up">;

function apply(remedy: Repair, hls: Hls, src: string): void {
  switch (remedy) {
    case "recover-media": {
      const time = hls.media?.currentTime ?? 0;
      hls.recoverMediaError();
      // hls.js stops loading at a fatal error, and then takes the media back without loading again.
      if (!hls.loadingEnabled) hls.startLoad(time > 0 ? time : -1);
      return;
    }
    case "reload-playlist":
      hls.loadSource(src);
      return;
    case "load-again":
      hls.startLoad();
      return;
  }
}

function watch(hls: Hls, src: string, onState: (state: StreamState) => void, beforeReset: () => void): () => void {
  let attempt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onError = (_: unknown, error: ErrorData) => {
    const remedy = remedyFor(error);
    if (remedy === "none") return;
    clearTimeout(timer);
    if (remedy === "give-up") {
      onState("refused");
      return;
    }
    onState(remedy === "reload-playlist" ? "starting" : "reconnecting");
    const help = () => {
      const resets = remedy !== "load-again";
      const video = hls.media;
      // A video that loses its stream pauses (HTML §4.8.11.5, "media element load algorithm").
      const played = resets && video !== null && !video.paused;
      if (resets) beforeReset();
      apply(remedy, hls, src);
      if (played) void video.play().catch(() => undefined);
    };
    timer = setTimeout(help, remedy === "recover-media" ? 0 : retryDelayMs(attempt, Math.random()));
    attempt += 1;
  };
  const onData = () => {
    attempt = 0;
    onState("playing");
  };
  hls.on(Hls.Events.ERROR, onError);
  hls.on(Hls.Events.FRAG_BUFFERED, onData);
  return () => {
    clearTimeout(timer);
    hls.off(Hls.Events.ERROR, onError);
    hls.off(Hls.Events.FRAG_BUFFERED, onData);
  };
}

/** Follows the element's stream and repairs it. `beforeReset` is called when the video is about to lose its picture. */
export function useRecovery(element: HlsVideoElement | null, src: string, beforeReset: () => void): StreamState {
  const [state, setState] = useState<StreamState>("starting");
  useEffect(() => {
    if (!element) return undefined;
    setState("starting");
    let stop: (() => void) | undefined;
    // The element makes its hls.js instance a few microtasks after `src` is set.
    const timer = setInterval(() => {
      if (!element.api) return;
      clearInterval(timer);
      stop = watch(element.api, src, setState, beforeReset);
      // The answer may have come before anybody listened, as on a busy machine; if it was an error, nobody helped.
      if (element.api.levels.length === 0 && performance.getEntriesByName(src, "resource").length > 0) element.api.loadSource(src);
      if (element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) setState("playing");
    }, 10);
    // Safari plays HLS itself and has no hls.js.
    const onNative = () => setState("playing");
    element.addEventListener("playing", onNative);
    return () => {
      clearInterval(timer);
      element.removeEventListener("playing", onNative);
      stop?.();
    };
  }, [element, src, beforeReset]);
  return state;
}

/** Keeps a stream playing: decides what to do after an error of hls.js. `watch.ts` does it. */
import Hls, { type ErrorData } from "hls.js";

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

/** Chooses for another try: a decoder that fails again before it got anything to play needs the live stream anew. */
export function insist(remedy: Remedy, attempt: number, live: boolean): Remedy {
  return remedy === "recover-media" && attempt > 0 && live ? "reload-playlist" : remedy;
}

/** Looks after an hls.js instance: repairs what it reports, and what it does not report. What helps is `recovery.ts`'s to say. */
import Hls, { type ErrorData } from "hls.js";
import { insist, type Remedy, remedyFor, retryDelayMs, type StreamState } from "./recovery";

/**
 * No segment for so long, with nothing left to play, means that hls.js stands still: it waits 10 s for a first byte. Each time it
 * is twice as long, up to two minutes, after which hls.js itself gives a segment up: a slow path gets its time.
 */
export const SILENCE_MS = 15_000;
const MAX_DOUBLINGS = 3;

/** What hls.js says while media come. It may go on asking for media playlists when it has forgotten a segment. */
const SIGNS = [Hls.Events.MANIFEST_LOADING, Hls.Events.MANIFEST_LOADED, Hls.Events.FRAG_LOADING, Hls.Events.FRAG_BUFFERED] as const;

/** Whether the video has nothing to play, although there is no playlist or it names more than was loaded. */
function starves({ media, latestLevelDetails: details }: Hls): boolean {
  if (media && media.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return false;
  if (!details || !media || media.buffered.length === 0) return true;
  return details.edge > media.buffered.end(media.buffered.length - 1) + details.targetduration / 2;
}

function apply(remedy: Remedy, hls: Hls): void {
  switch (remedy) {
    case "recover-media": {
      const time = hls.media?.currentTime ?? 0;
      hls.recoverMediaError();
      // hls.js stops loading at a fatal error, and then takes the media back without loading again.
      if (!hls.loadingEnabled) hls.startLoad(time > 0 ? time : -1);
      return;
    }
    case "reload-playlist":
      if (hls.url) hls.loadSource(hls.url);
      return;
    case "load-again":
      hls.startLoad();
      return;
    case "none":
    case "give-up":
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;

export class Watch {
  #state: StreamState = "starting";
  /** Repairs since something came. */
  #attempt = 0;
  #repair: Timer;
  #silence: Timer;
  readonly #hls: Hls;
  readonly #onState: (state: StreamState) => void;
  readonly #beforeReset: () => void;

  /** `beforeReset` is called when the video is about to lose its picture. */
  constructor(hls: Hls, onState: (state: StreamState) => void, beforeReset: () => void) {
    this.#hls = hls;
    this.#onState = onState;
    this.#beforeReset = beforeReset;
    hls.on(Hls.Events.ERROR, this.#onError);
    hls.on(Hls.Events.FRAG_BUFFERED, this.#onData);
    for (const sign of SIGNS) hls.on(sign, this.#listen);
    this.#listen();
  }

  /** There is another token: whoever was refused asks again. */
  renew(): void {
    if (this.#state === "refused") this.#schedule("reload-playlist");
  }

  end(): void {
    this.#rest();
    this.#hls.off(Hls.Events.ERROR, this.#onError);
    this.#hls.off(Hls.Events.FRAG_BUFFERED, this.#onData);
    for (const sign of SIGNS) this.#hls.off(sign, this.#listen);
  }

  #say(state: StreamState): void {
    this.#state = state;
    this.#onState(state);
  }

  #rest(): void {
    clearTimeout(this.#repair);
    clearTimeout(this.#silence);
    this.#repair = undefined;
  }

  readonly #listen = (): void => {
    clearTimeout(this.#silence);
    if (this.#state === "refused" || this.#repair !== undefined) return;
    this.#silence = setTimeout(this.#onSilence, SILENCE_MS * 2 ** Math.min(this.#attempt, MAX_DOUBLINGS));
  };

  readonly #onSilence = (): void => {
    if (starves(this.#hls)) this.#schedule(this.#hls.levels.length === 0 ? "reload-playlist" : "load-again");
    else this.#listen();
  };

  readonly #onError = (_: unknown, error: ErrorData): void => {
    const remedy = remedyFor(error);
    if (remedy === "none" || this.#state === "refused") return;
    if (remedy === "give-up") {
      this.#rest();
      this.#say("refused");
      return;
    }
    this.#schedule(insist(remedy, this.#attempt, this.#hls.latestLevelDetails?.live !== false));
  };

  readonly #onData = (): void => {
    // A segment in which hls.js found nothing counts as buffered, too.
    if (this.#state === "refused" || !this.#hls.media?.buffered.length) return;
    this.#attempt = 0;
    this.#say("playing");
  };

  #schedule(remedy: Remedy): void {
    this.#rest();
    const picture = this.#state === "playing" || this.#state === "reconnecting";
    this.#say(picture && remedy !== "reload-playlist" ? "reconnecting" : "starting");
    const delayMs = remedy === "recover-media" && this.#attempt === 0 ? 0 : retryDelayMs(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#repair = setTimeout(() => this.#help(remedy), delayMs);
  }

  #help(remedy: Remedy): void {
    this.#repair = undefined;
    const resets = remedy !== "load-again";
    const video = this.#hls.media;
    // A video that loses its stream pauses (HTML §4.8.11.5, "media element load algorithm").
    const played = resets && video !== null && !video.paused;
    if (resets) this.#beforeReset();
    apply(remedy, this.#hls);
    if (played) void video.play().catch(() => undefined);
    this.#listen();
  }
}

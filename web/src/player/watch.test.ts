import Hls from "hls.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { StreamState } from "./recovery";
import { SILENCE_MS, Watch } from "./watch";

/** An hls.js that does what a test says, and notes what it is told. */
class HlsDouble {
  readonly told: string[] = [];
  readonly url = "https://dais.example/hls/pb_1/index.m3u8";
  readonly loadingEnabled = true;
  levels: object[] = [{}];
  latestLevelDetails: { live: boolean; edge: number; targetduration: number } | null = { live: true, edge: 20, targetduration: 2 };
  media = { readyState: 0, paused: true, currentTime: 0, buffered: { length: 0, end: () => 20 } };
  readonly #heard = new Map<string, Set<(name: string, data: object) => void>>();

  on(event: string, listener: (name: string, data: object) => void): void {
    const listeners = this.#heard.get(event) ?? new Set();
    this.#heard.set(event, listeners.add(listener));
  }

  off(event: string, listener: (name: string, data: object) => void): void {
    this.#heard.get(event)?.delete(listener);
  }

  say(event: string, data: object = {}): void {
    for (const listener of this.#heard.get(event) ?? []) listener(event, data);
  }

  fails(details: string, code?: number): void {
    const type = details.startsWith("frag") && details.endsWith("ParsingError") ? Hls.ErrorTypes.MEDIA_ERROR : Hls.ErrorTypes.NETWORK_ERROR;
    this.say(Hls.Events.ERROR, { fatal: true, type, details, response: code === undefined ? undefined : { code } });
  }

  buffers(): void {
    this.media.buffered.length = 1;
    this.say(Hls.Events.FRAG_BUFFERED);
  }

  startLoad = () => void this.told.push("start load");
  loadSource = (url: string) => void this.told.push(`load ${url.split("/").pop()}`);
  recoverMediaError = () => void this.told.push("recover media");
}

let hls: HlsDouble;
let states: StreamState[];
let watch: Watch;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  hls = new HlsDouble();
  states = [];
  watch = new Watch(hls as unknown as Hls, (state) => states.push(state), () => hls.told.push("keep picture"));
});

afterEach(() => {
  watch.end();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a stream that stands still without an error", () => {
  it("is loaded again when no segment comes although playlists do", () => {
    hls.say(Hls.Events.FRAG_LOADING);
    for (let second = 0; second < 20; second += 2) {
      hls.say(Hls.Events.LEVEL_LOADED);
      vi.advanceTimersByTime(2000);
    }
    expect(hls.told).toEqual(["start load"]);
  });

  it("is asked for anew when not even its playlist came", () => {
    hls.levels = [];
    hls.latestLevelDetails = null;
    vi.advanceTimersByTime(SILENCE_MS + 1000);
    expect(hls.told).toEqual(["keep picture", "load index.m3u8"]);
  });

  it("gets twice the time at the next try, for a slow path", () => {
    vi.advanceTimersByTime(SILENCE_MS + 1000);
    vi.advanceTimersByTime(2 * SILENCE_MS - 1000);
    expect(hls.told).toHaveLength(1);
    vi.advanceTimersByTime(3000);
    expect(hls.told).toHaveLength(2);
  });

  it("is left alone while there is something to play, and noticed when that runs out", () => {
    hls.buffers();
    hls.media.readyState = 4;
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(hls.told).toEqual([]);
    hls.media.readyState = 2;
    hls.latestLevelDetails = { live: true, edge: 60, targetduration: 2 };
    vi.advanceTimersByTime(SILENCE_MS + 1000);
    expect(hls.told).toEqual(["start load"]);
  });

  it("is left alone where its playlist names nothing more, as while a stage pauses", () => {
    hls.buffers();
    hls.media.readyState = 2;
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(hls.told).toEqual([]);
  });
});

describe("repairs", () => {
  it("ask for the playlist again, later each time", () => {
    hls.fails(Hls.ErrorDetails.MANIFEST_LOAD_ERROR, 404);
    vi.advanceTimersByTime(700);
    hls.fails(Hls.ErrorDetails.MANIFEST_LOAD_ERROR, 404);
    vi.advanceTimersByTime(700);
    expect(hls.told.filter((one) => one.startsWith("load"))).toHaveLength(1);
    vi.advanceTimersByTime(700);
    expect(hls.told.filter((one) => one.startsWith("load"))).toHaveLength(2);
    expect(states).toEqual(["starting", "starting"]);
  });

  it("begin the live stream anew when the decoder fails twice before it plays", () => {
    hls.fails(Hls.ErrorDetails.FRAG_PARSING_ERROR);
    vi.advanceTimersByTime(0);
    hls.say(Hls.Events.FRAG_BUFFERED);
    hls.fails(Hls.ErrorDetails.FRAG_PARSING_ERROR);
    vi.advanceTimersByTime(1400);
    expect(hls.told).toEqual(["keep picture", "recover media", "keep picture", "load index.m3u8"]);
  });

  it("end where the stream is refused, until there is another token", () => {
    hls.buffers();
    hls.fails(Hls.ErrorDetails.LEVEL_LOAD_ERROR, 403);
    hls.say(Hls.Events.FRAG_BUFFERED);
    vi.advanceTimersByTime(10 * SILENCE_MS);
    expect(hls.told).toEqual([]);
    expect(states).toEqual(["playing", "refused"]);
    watch.renew();
    vi.advanceTimersByTime(1000);
    expect(hls.told).toEqual(["keep picture", "load index.m3u8"]);
  });

  it("leave a stream alone that a new token finds playing", () => {
    hls.buffers();
    hls.media.readyState = 4;
    watch.renew();
    vi.advanceTimersByTime(1000);
    expect(hls.told).toEqual([]);
    expect(states).toEqual(["playing"]);
  });
});

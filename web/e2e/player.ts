/** What the player of a page does: where it is, and what it stumbled over. */
import { expect, type Page } from "@playwright/test";
import { playing } from "./rtc";

interface HlsError {
  fatal: boolean;
  details: string;
}

type Media = HTMLElement & {
  nativeEl?: HTMLVideoElement;
  api?: { on: (event: "hlsError", heard: (name: string, error: HlsError) => void) => void };
};

declare global {
  interface Window {
    watchedMedia?: Element;
    streamFaults: string[];
  }
}

/** Waits for the player's hls.js and notes from then on what a viewer would notice. */
export async function watchStream(page: Page): Promise<void> {
  await page.waitForFunction(() => Boolean(document.querySelector<Media>("hls-video")?.api));
  await page.evaluate(() => {
    const media = document.querySelector<Media>("hls-video");
    const player = media?.closest(".player");
    if (!media || !player) throw new Error("the page has no player");
    window.watchedMedia = media;
    window.streamFaults = [];
    media.api?.on("hlsError", (_, error) => {
      if (error.fatal) window.streamFaults.push(error.details);
    });
    const noted = () => {
      if (player.getAttribute("data-stream") === "reconnecting") window.streamFaults.push("reconnecting");
    };
    new MutationObserver(noted).observe(player, { attributeFilter: ["data-stream"] });
  });
}

/** Fatal errors of hls.js, times that the player had to help, and whether it was replaced, since `watchStream`. */
export function streamFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const replaced = document.querySelector("hls-video") !== window.watchedMedia;
    return replaced ? [...window.streamFaults, "another player"] : window.streamFaults;
  });
}

/** Waits until the picture moves; says what is in the way when it does not. */
export async function expectPlaying(page: Page): Promise<void> {
  const seen = async () => {
    const { time, paused, width } = await playing(page);
    const state = await page.evaluate(() => document.querySelector(".player")?.getAttribute("data-stream"));
    return time > 0 ? "plays" : `stream ${state}, paused ${paused}, ${width} px wide`;
  };
  await expect.poll(seen, { timeout: 60_000 }).toBe("plays");
}

/** Plays from the start at this speed. */
export async function playFromStart(page: Page, rate: number): Promise<void> {
  await page.evaluate(async (playbackRate) => {
    const video = document.querySelector<Media>("hls-video")?.nativeEl;
    if (!video) throw new Error("the page has no picture");
    video.currentTime = 0;
    video.playbackRate = playbackRate;
    await video.play();
  }, rate);
}

export interface Position {
  /** Seconds on the player's time line. */
  time: number;
  duration: number;
  ended: boolean;
}

export function position(page: Page): Promise<Position> {
  return page.evaluate(() => {
    const video = document.querySelector<Media>("hls-video")?.nativeEl;
    return { time: video?.currentTime ?? 0, duration: video?.duration ?? 0, ended: video?.ended ?? false };
  });
}

/** The player with a live stream that a test controls: controls by keyboard, a stall, captions. */
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { picture } from "./browsers";
import { type LiveStage, startLiveStage } from "./live-stage";
import { playing } from "./rtc";

test.describe.configure({ mode: "serial" });

let stage: LiveStage;
let viewer: Page;

test.beforeAll(async () => {
  stage = await startLiveStage("player");
});

test.afterAll(async () => {
  await stage?.stop();
});

/** Brightness of the picture, 0 to 255, as the viewer sees it: the video's or the kept one's. */
function brightness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const kept = document.querySelector<HTMLCanvasElement>(".player-picture canvas:not([hidden])");
    const media = document.querySelector("hls-video") as (HTMLElement & { nativeEl?: HTMLVideoElement }) | null;
    const canvas = document.createElement("canvas");
    canvas.width = 32;
    canvas.height = 18;
    const context = canvas.getContext("2d");
    const source = kept ?? media?.nativeEl;
    if (!context || !source) return 0;
    context.drawImage(source, 0, 0, 32, 18);
    const { data } = context.getImageData(0, 0, 32, 18);
    return data.reduce((sum, value, index) => (index % 4 === 3 ? sum : sum + value), 0) / (32 * 18 * 3);
  });
}

test("a live picture plays, says how far behind it is, and its controls are accessible", async () => {
  viewer = await stage.viewerPage();
  await stage.enter(viewer);
  await expect.poll(async () => (await playing(viewer)).time, { timeout: 30_000 }).toBeGreaterThan(0);
  await expect(viewer.getByText(/s behind live/)).toBeVisible();
  await expect(viewer.getByText("3 watching")).toBeVisible();
  await expectAccessible(viewer, "live stage");
  await picture(viewer, "player-live");
});

test("captions, settings and the time bar work by keyboard", async () => {
  await viewer.getByRole("button", { name: "Captions", exact: true }).press("Enter");
  const shown = () =>
    viewer.evaluate(() => {
      const media = document.querySelector("hls-video") as (HTMLElement & { nativeEl?: HTMLVideoElement }) | null;
      const tracks = [...(media?.nativeEl?.textTracks ?? [])].filter((track) => track.mode === "showing");
      return tracks.flatMap((track) => [...(track.activeCues ?? [])].map((cue) => (cue as VTTCue).text)).join(" ");
    });
  await expect.poll(shown, { timeout: 20_000 }).toContain("Sentence");
  await picture(viewer, "player-captions");
  await viewer.keyboard.press("c");
  await expect.poll(shown).toBe("");

  const settings = viewer.getByRole("button", { name: "Quality, captions and speed" });
  await settings.press("Enter");
  await expect(viewer.getByLabel("Captions", { exact: true }).and(viewer.locator("select"))).toBeFocused();
  await expectAccessible(viewer, "player settings");
  await picture(viewer, "player-settings");
  await viewer.keyboard.press("Escape");
  await expect(settings).toBeFocused();
  await expect(viewer.getByLabel("Speed", { exact: true })).toBeHidden();

  const bar = viewer.getByRole("slider", { name: "Position" });
  const before = (await playing(viewer)).time;
  await bar.press("ArrowLeft");
  await expect.poll(async () => (await playing(viewer)).time).toBeLessThan(before - 5);
  await expect(viewer.getByRole("button", { name: "Go to the live picture" })).toBeVisible();
  await viewer.getByRole("button", { name: "Go to the live picture" }).press("Enter");
  await expect(viewer.getByRole("button", { name: "You are watching live" })).toBeVisible();
});

test("a stall keeps the last picture and says so, and goes on by itself", async () => {
  expect(await brightness(viewer)).toBeGreaterThan(40);
  stage.live.cut();
  const word = viewer.getByText("Reconnecting…");
  await expect(word).toBeVisible({ timeout: 60_000 });
  expect(await brightness(viewer)).toBeGreaterThan(40);
  await picture(viewer, "player-stall");
  await expectAccessible(viewer, "stalled stage");
  const { time } = await playing(viewer);
  stage.live.mend();
  await expect(word).toBeHidden({ timeout: 60_000 });
  await expect.poll(async () => (await playing(viewer)).time, { timeout: 30_000 }).toBeGreaterThan(time + 1);
});

test("a lost decoder shows the last picture until the next one", async () => {
  const canvas = viewer.locator(".player-picture canvas");
  const { time } = await playing(viewer);
  await viewer.evaluate(() => {
    const kept = document.querySelector<HTMLCanvasElement>(".player-picture canvas");
    const remember = () => kept?.hidden === false && Object.assign(window, { keptWidth: kept.width });
    if (kept) new MutationObserver(remember).observe(kept, { attributes: true, attributeFilter: ["hidden"] });
    const media = document.querySelector("hls-video") as (HTMLElement & { api?: { trigger: (event: string, data: object) => void } }) | null;
    media?.api?.trigger("hlsError", { type: "mediaError", details: "bufferStalledError", fatal: true, error: new Error("the decoder is stuck") });
  });
  await expect.poll(() => viewer.evaluate(() => (window as { keptWidth?: number }).keptWidth)).toBe(320);
  await expect(canvas).toBeHidden({ timeout: 30_000 });
  await expect.poll(async () => (await playing(viewer)).time, { timeout: 30_000 }).toBeGreaterThan(time);
});

test("the controls fit on a phone", async () => {
  await viewer.setViewportSize({ width: 360, height: 740 });
  await expect(viewer.getByRole("button", { name: "Full screen" })).toBeVisible();
  const outside = await viewer.locator(".player-bar").evaluate((bar) => bar.scrollWidth - bar.clientWidth);
  expect(outside).toBeLessThanOrEqual(0);
  await picture(viewer, "player-phone");
});

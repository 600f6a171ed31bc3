/** The whole path of a stage: backstage, on air, live HLS, end, replay, captions. */
import { fileURLToPath } from "node:url";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { addTitled, enterAs, invite, makeEvent } from "./organiser";
import { loudness } from "./programs";
import { layersConfirmed, playing, received, soundFormats } from "./rtc";

const CAPTIONS = fileURLToPath(new URL("../../testdata/media/captions.vtt", import.meta.url));

test.describe.configure({ mode: "serial" });

let dais: Dais;
const browsers: Browser[] = [];
let organiser: Page;
let ada: Page;
let luis: Page;
let viewer: Page;
let eventPath: string;
let stagePath: string;
let wentLiveAt: number;

async function newBrowser(...args: Parameters<typeof openBrowser>): Promise<Browser> {
  browsers.push(await openBrowser(...args));
  return browsers.at(-1) as Browser;
}

test.beforeAll(async () => {
  dais = await startDais("stage");
  organiser = await openPage(await newBrowser());
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await dais?.stop();
});

test("the one-time link signs the organiser in, and works once", async () => {
  await organiser.goto(dais.signInLink);
  await expect(organiser.getByRole("heading", { name: "Events", level: 1 })).toBeVisible();
  expect(organiser.url()).not.toContain("token");
  await expectAccessible(organiser, "events");
  const other = await openPage(await newBrowser());
  await other.goto(dais.signInLink);
  await expect(other.getByRole("alert")).toContainText("used already");
  await other.context().close();
});

test("the organiser sets up an event with a stage and opens its control room", async () => {
  await makeEvent(organiser, "Northwind Summit");
  await addTitled(organiser, "Add a stage", "Main stage");
  await picture(organiser, "setup");
  await expectAccessible(organiser, "set-up");
  const attendeeLink = (await organiser.locator("code").first().textContent()) ?? "";
  eventPath = new URL(attendeeLink).pathname;
  await organiser.getByRole("link", { name: "Control room" }).click();
  await expect(organiser.getByTestId("control-room")).toHaveAttribute("data-state", "off_air");
  stagePath = `${eventPath}/stages/${organiser.url().split("/").pop()}`;
  await expectAccessible(organiser, "control room");
});

async function goBackstage(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("button", { name: "Go backstage" }).click();
  await expect(page.getByTestId("call")).toBeVisible({ timeout: 30_000 });
}

test("two speakers join backstage, see each other and hear each other", async () => {
  const [adaLink, luisLink] = [await invite(organiser, "Ada Obi"), await invite(organiser, "Luis Prado")];
  ada = await openPage(await newBrowser(fakeDevices("ada")));
  luis = await openPage(await newBrowser(fakeDevices("luis")));
  await ada.goto(adaLink);
  await expect(ada.getByRole("button", { name: "Go backstage" })).toBeVisible();
  await picture(ada, "check");
  await expectAccessible(ada, "device check");
  await ada.getByRole("button", { name: "Go backstage" }).click();
  await expect(ada.getByTestId("call")).toBeVisible({ timeout: 30_000 });
  await goBackstage(luis, luisLink);
  for (const page of [ada, luis]) {
    await expect(page.locator(".tile video")).toHaveCount(2, { timeout: 30_000 });
    const before = await received(page);
    await expect.poll(async () => (await received(page)).frames, { timeout: 60_000 }).toBeGreaterThan(before.frames + 20);
    await expect.poll(async () => (await received(page)).energy, { timeout: 60_000 }).toBeGreaterThan(before.energy);
    expect(await soundFormats(page)).toEqual(["red"]);
  }
  await picture(ada, "backstage");
  await expectAccessible(ada, "backstage");
});

test("all simulcast layers of a camera reach the server", async () => {
  await expect.poll(async () => Object.values(await layersConfirmed(ada)).filter((packets) => packets > 0).length, { timeout: 60_000 }).toBe(3);
});

test("the layer that a speaker receives follows the size of the tile", async () => {
  await expect.poll(async () => (await received(luis)).width, { timeout: 60_000 }).toBeGreaterThanOrEqual(640);
  await luis.setViewportSize({ width: 360, height: 420 });
  await expect.poll(async () => (await received(luis)).width, { timeout: 60_000 }).toBeLessThanOrEqual(480);
  // Small windows from here on: the speakers' own pictures must not starve the mixer on a small machine.
  await luis.setViewportSize({ width: 480, height: 420 });
  await ada.setViewportSize({ width: 800, height: 600 });
});

test("the organiser puts both on stage and goes live", async () => {
  await organiser.getByRole("button", { name: "Bring Ada Obi on stage" }).click();
  await organiser.getByRole("button", { name: "Bring Luis Prado on stage" }).click();
  await organiser.getByRole("radio", { name: "Side by side" }).click();
  await expect(ada.getByText("You are on stage")).toBeVisible();
  viewer = await openPage(await newBrowser());
  await viewer.goto(dais.url + eventPath);
  await expectAccessible(viewer, "entering");
  await enterAs(viewer, "Sana Noor");
  await expect(viewer.getByRole("heading", { level: 1 })).toContainText("Sana Noor");
  await viewer.goto(dais.url + stagePath);
  await expect(viewer.getByTestId("stage")).toHaveAttribute("data-state", "off_air");
  await picture(viewer, "stage-before");
  const asked = organiser.waitForRequest((request) => request.url().endsWith("/go-live"));
  await organiser.getByRole("button", { name: "Go live" }).click();
  await expect(organiser.getByText("Going live in 3…")).toBeVisible();
  await asked;
  wentLiveAt = Date.now();
});

test("a third browser plays the live picture within 15 seconds", async () => {
  await expect.poll(async () => (await playing(viewer)).time, { timeout: 15_000 - (Date.now() - wentLiveAt), intervals: [100] }).toBeGreaterThan(0);
  test.info().annotations.push({ type: "seconds to the live picture", description: String((Date.now() - wentLiveAt) / 1000) });
  const { frames } = await playing(viewer);
  await expect.poll(async () => (await playing(viewer)).frames).toBeGreaterThan(frames + 30);
  await expect(organiser.getByText(/ON AIR 00:/)).toBeVisible();
  await expect(ada.getByText("YOU ARE ON AIR")).toBeVisible();
  await expect(viewer.getByText("1 watching").first()).toBeVisible();
  await picture(viewer, "stage");
  await picture(organiser, "control-room");
  await picture(ada, "backstage-on-air");
  await expectAccessible(viewer, "stage");
  await expectAccessible(organiser, "control room on air");
  const lobby = await viewer.context().newPage();
  await lobby.goto(dais.url + eventPath);
  await enterAs(lobby, "Tom Brandt");
  await expect(lobby.getByText("LIVE NOW")).toBeVisible();
  await expect.poll(async () => (await playing(lobby)).frames, { timeout: 60_000 }).toBeGreaterThan(0);
  await picture(lobby, "reception");
  await expectAccessible(lobby, "reception");
  await lobby.close();
});

test("a layout changes on air only when it is taken to air", async () => {
  await organiser.getByRole("radio", { name: "Grid" }).click();
  await expect(organiser.getByRole("button", { name: "Take to air" })).toBeEnabled();
  await organiser.getByRole("button", { name: "Take to air" }).click();
  await expect(organiser.getByRole("button", { name: "On air as shown" })).toBeVisible();
});

test("the stage ends, and its replay plays within ten seconds", async () => {
  await organiser.getByRole("button", { name: "End stage" }).click();
  const ended = organiser.waitForResponse((response) => response.url().endsWith("/end"));
  await organiser.getByRole("button", { name: "End it now" }).click();
  const endedAt = Date.now();
  await ended;
  const link = organiser.getByTestId("replay-link");
  await expect(link).toBeVisible({ timeout: 10_000 });
  const path = await link.getAttribute("href");
  const playlist = viewer.waitForRequest((request) => request.url().includes(".m3u8"));
  await viewer.goto(dais.url + (path ?? ""));
  await expect.poll(async () => (await playing(viewer)).time, { timeout: 10_000 - (Date.now() - endedAt), intervals: [100] }).toBeGreaterThan(0);
  test.info().annotations.push({ type: "seconds from the end to the replay", description: String((Date.now() - endedAt) / 1000) });
  await expect.poll(async () => (await playing(viewer)).frames).toBeGreaterThan(0);
  expect(await loudness((await playlist).url()), "the mixer hears RED").toBeGreaterThan(-50);
  await picture(viewer, "replay");
  await expectAccessible(viewer, "replay");
});

test("captions uploaded as WebVTT are seen in the player", async () => {
  await organiser.getByRole("link", { name: "Northwind Summit" }).click();
  await organiser.getByRole("link", { name: "Replays" }).click();
  await organiser.getByRole("button", { name: "Captions" }).click();
  await organiser.getByLabel("File", { exact: true }).setInputFiles(CAPTIONS);
  await organiser.getByRole("button", { name: "Add", exact: true }).click();
  await expect(organiser.getByText("The captions are in the player.")).toBeVisible();
  await expectAccessible(organiser, "captions");
  await viewer.reload();
  await expect.poll(async () => (await playing(viewer)).time).toBeGreaterThan(0);
  await viewer.getByRole("button", { name: "Captions", exact: true }).click();
  const shown = () =>
    viewer.evaluate(() => {
      const media = document.querySelector("hls-video") as (HTMLElement & { nativeEl?: HTMLVideoElement }) | null;
      const tracks = [...(media?.nativeEl?.textTracks ?? [])].filter((track) => track.mode === "showing");
      return tracks.flatMap((track) => [...(track.activeCues ?? [])].map((cue) => (cue as VTTCue).text)).join(" ");
    });
  await viewer.evaluate(() => {
    const media = document.querySelector("hls-video") as (HTMLElement & { nativeEl?: HTMLVideoElement }) | null;
    // Paused, the sentence stays until the captions are there, however long they take.
    media?.nativeEl?.pause();
    if (media?.nativeEl) media.nativeEl.currentTime = 1;
  });
  await expect.poll(shown, { timeout: 60_000 }).toContain("Welcome to the main stage.");
  await picture(viewer, "replay-captions");
});

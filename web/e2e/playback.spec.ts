/** HLS as browsers play it when something is in the way: a killed mixer, an address without its token. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { addTitled, makeEvent } from "./organiser";
import { expectPlaying, playFromStart, position, streamFaults, watchStream } from "./player";
import { playing } from "./rtc";

test.describe.configure({ mode: "serial" });

let dais: Dais;
let browser: Browser;
let organiser: Page;
let viewer: Page;
let replayPath: string;

test.beforeAll(async () => {
  dais = await startDais("playback");
  browser = await openBrowser();
  organiser = await openPage(browser);
});

test.afterAll(async () => {
  await browser?.close();
  await dais?.stop();
});

/** The playlist of the largest picture beside a multivariant one, as a player asks for it. */
async function largest(index: string): Promise<string> {
  const answer = await fetch(index.replace("index.m3u8", "v720.m3u8"));
  return answer.ok ? answer.text() : "";
}

function segments(playlist: string): number {
  return playlist.split("#EXTINF").length - 1;
}

/** Seconds of media in front of the first break. */
function breakAt(playlist: string): number {
  const before = playlist.split("#EXT-X-DISCONTINUITY\n")[0] ?? "";
  return [...before.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}

test("a live player goes on by itself when the mixer is killed", async () => {
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Board meeting", "invited");
  await addTitled(organiser, "Add a stage", "Main stage");
  await organiser.getByRole("link", { name: "Control room" }).click();
  const stage = await organiser.getByRole("link", { name: "Open viewer page" }).getAttribute("href");
  await organiser.getByRole("button", { name: "Go live" }).click();
  viewer = await organiser.context().newPage();
  const asked = viewer.waitForRequest((request) => new URL(request.url()).pathname.endsWith("/index.m3u8"), { timeout: 60_000 });
  await viewer.goto(dais.url + (stage ?? ""));
  const index = (await asked).url();
  expect(index, "an invited event's media needs a token").toContain("?token=");
  await expect.poll(async () => segments(await largest(index)), { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
  await expectPlaying(viewer);
  await watchStream(viewer);

  const children = dais.mixerChildren();
  expect(children).toHaveLength(1);
  process.kill(children[0] ?? 0, "SIGKILL");
  await expect.poll(() => largest(index), { timeout: 30_000 }).toContain("#EXT-X-DISCONTINUITY\n");
  const gap = breakAt(await largest(index));
  const { frames } = await playing(viewer);
  await expect.poll(async () => (await position(viewer)).time, { timeout: 60_000 }).toBeGreaterThan(gap + 3);
  expect((await playing(viewer)).frames, "pictures behind the gap").toBeGreaterThan(frames + 60);
  expect(await streamFaults(viewer)).toEqual([]);
});

test("the replay plays across the gap, from the start to the end", async () => {
  await organiser.getByRole("button", { name: "End stage" }).click();
  await organiser.getByRole("button", { name: "End it now" }).click();
  const link = organiser.getByTestId("replay-link");
  await expect(link).toBeVisible({ timeout: 30_000 });
  replayPath = (await link.getAttribute("href")) ?? "";
  const asked = viewer.waitForRequest((request) => new URL(request.url()).pathname.endsWith("/index.m3u8"));
  await viewer.goto(dais.url + replayPath);
  const playlist = await largest((await asked).url());
  expect(playlist).toContain("#EXT-X-ENDLIST");
  expect(playlist).toContain("#EXT-X-DISCONTINUITY\n");
  await watchStream(viewer);
  await expectPlaying(viewer);
  await playFromStart(viewer, 2);
  await expect.poll(async () => (await position(viewer)).time, { timeout: 60_000 }).toBeGreaterThan(breakAt(playlist) + 1);
  await expect.poll(async () => (await position(viewer)).ended, { timeout: 60_000 }).toBe(true);
  const { time, duration } = await position(viewer);
  const whole = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), 0);
  expect(Math.abs(time - duration)).toBeLessThan(0.1);
  expect(Math.abs(duration - whole), "nothing is missing, nothing is twice").toBeLessThan(1);
  expect(await streamFaults(viewer)).toEqual([]);
});

test("a signed replay is refused without its token, in words", async () => {
  const replay = `**/api/v1/replays/${replayPath.split("/").pop()}`;
  const requests: string[] = [];
  viewer.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/hls/")) requests.push(request.url());
  });
  await viewer.reload();
  await expectPlaying(viewer);
  expect(requests.filter((url) => !url.includes("token="))).toEqual([]);
  const index = requests[0] ?? "";
  const bare = await fetch(index.split("?")[0] ?? "");
  expect(bare.status).toBe(403);
  expect(await bare.json()).toMatchObject({ type: "/problems/playback-refused", title: "A valid playback token is needed" });

  await viewer.route(replay, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(/\?token=[^"]*/g, "") });
  });
  await viewer.reload();
  await expect(viewer.getByRole("alert")).toContainText("no longer allowed to play");
  expect((await playing(viewer)).frames).toBe(0);
  await picture(viewer, "replay-refused");
  await viewer.unroute(replay);
  await viewer.reload();
  await expectPlaying(viewer);
});

/** livekit-client in both of its modes, one peer connection (its default, which the web app uses too) and two, in Chromium and in Firefox. */
import { expect, type Page, test } from "@playwright/test";
import { AccessToken, type VideoGrant } from "livekit-server-sdk";
import { needAddress } from "./addresses";
import { openBrowser, openPage } from "./browsers";
import { type CallPage, connections, expectLayers, expectToReceive, heard, joinCall, PATIENCE, publishCanvas, send, sources, unpublish } from "./call";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { openFirefox } from "./firefox";
import { received } from "./rtc";

const API_KEY = { key: "e2e", secret: "a secret of thirty-two letters!!" };

let dais: Dais;
let dropAddress: () => void = () => undefined;
const browsers: { close: () => Promise<void> }[] = [];

test.beforeAll(async () => {
  dropAddress = needAddress();
  dais = await startDais("modes", { media: "default", apiKey: API_KEY });
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await dais?.stop();
  dropAddress();
});

function token(identity: string, room: string, more: VideoGrant = {}): Promise<string> {
  const made = new AccessToken(API_KEY.key, API_KEY.secret, { identity });
  made.addGrant({ roomJoin: true, room, ...more });
  return made.toJwt();
}

async function openChromiumPage(identity: "ada" | "luis"): Promise<Page> {
  const browser = await openBrowser(fakeDevices(identity));
  browsers.push(browser);
  return await openPage(browser);
}

async function openFirefoxPage(): Promise<CallPage> {
  const firefox = await openFirefox();
  browsers.push(firefox);
  // Puppeteer's pages do all that is asked of them here as Playwright's do.
  return firefox.page as unknown as Page;
}

async function join<P extends CallPage>(page: P, identity: string, room: string, single: boolean): Promise<P> {
  return joinCall(page, dais.url, await token(identity, room), single);
}

/** Calls a method of a participant through the server API. */
async function perform(room: string, identity: string, method: string, payload: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${dais.url}/twirp/livekit.RoomService/PerformRpc`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await token("admin", room, { roomAdmin: true })}` },
    body: JSON.stringify({ room, destinationIdentity: identity, method, payload }),
  });
  return { status: answer.status, body: await answer.json() };
}

for (const [mode, single] of [["one peer connection", true], ["two peer connections", false]] as const) {
  test(`with ${mode} Chromium and Firefox see, hear and write to each other, and go on after both kinds of reconnect`, async () => {
    const room = single ? "single" : "dual";
    const ada = await join(await openChromiumPage("ada"), "ada", room, single);
    const luis = await join(await openFirefoxPage(), "luis", room, single);
    for (const page of [ada, luis]) {
      await expectToReceive(page);
      expect(await connections(page)).toBe(single ? 1 : 2);
    }
    await expectLayers(ada);
    await expectLayers(luis);

    // Headless browsers have no screen to choose: a canvas stands for it, and comes and goes as one.
    await publishCanvas(luis, "screen", "screen_share");
    await expect.poll(() => sources(ada), PATIENCE).toEqual(["camera", "microphone", "screen_share"]);
    await expect.poll(async () => (await received(ada)).pictures, PATIENCE).toBe(2);
    await unpublish(luis, "screen_share");
    await expect.poll(() => sources(ada), PATIENCE).toEqual(["camera", "microphone"]);

    await send(ada, "reliable", true);
    await send(luis, "lossy", false);
    await expect.poll(() => heard(luis), PATIENCE).toContain("ada: reliable");
    await expect.poll(() => heard(ada), PATIENCE).toContain("luis: lossy");

    await ada.evaluate(() => {
      window.room.registerRpcMethod("greet", async ({ payload, callerIdentity }) => `${payload}, ${callerIdentity.length > 0}`);
    });
    expect(await perform(room, "ada", "greet", "hello")).toEqual({ status: 200, body: { payload: "hello, true" } });
    expect(await perform(room, "ada", "unknown", "")).toMatchObject({ status: 409, body: { code: "aborted", meta: { rpc_error_code: "1400" } } });
    // From one participant to the other, byte for byte.
    expect(await luis.evaluate(() => window.room.localParticipant.performRpc({ destinationIdentity: "ada", method: "greet", payload: "salut" }))).toBe("salut, true");

    await luis.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
    await expect.poll(() => heard(ada), PATIENCE).toContain("luis muted microphone");
    await luis.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
    await expect.poll(() => heard(ada), PATIENCE).toContain("luis unmuted microphone");

    // Off and on: the section is used again, under another track.
    await unpublish(luis, "camera");
    await expect(ada.locator("video, audio")).toHaveCount(1, PATIENCE);
    await luis.evaluate(async () => {
      await window.room.localParticipant.setCameraEnabled(true);
      await window.room.localParticipant.setMicrophoneEnabled(true);
    });
    await expect(ada.locator("video, audio")).toHaveCount(2, PATIENCE);
    await expectToReceive(ada);

    for (const scenario of ["signal-reconnect", "full-reconnect"] as const) {
      await luis.evaluate((name) => window.room.simulateScenario(name), scenario);
      await expect.poll(async () => (await heard(luis)).filter((word) => word === "reconnected").length, PATIENCE).toBe(scenario === "signal-reconnect" ? 1 : 2);
      await expectToReceive(ada);
      await expectToReceive(luis);
    }
    expect(await connections(luis)).toBe(single ? 1 : 2);
    await send(luis, "back", true);
    await expect.poll(() => heard(ada), PATIENCE).toContain("luis: back");
    await Promise.all([ada, luis].map((page) => page.evaluate(() => window.room.disconnect())));
  });

  test(`with ${mode} a late comer receives more pictures than its first offer has sections for`, async () => {
    const room = single ? "single-crowd" : "dual-crowd";
    const speaker = await join(await openChromiumPage("ada"), "ada", room, single);
    // With the camera four pictures: a client first offers sections for three.
    for (const name of ["first", "second", "third"]) await publishCanvas(speaker, name, "camera");
    const late = await join(await openChromiumPage("luis"), "luis", room, single);
    await expect(late.locator("video")).toHaveCount(4, PATIENCE);
    await expect
      .poll(() => late.evaluate(() => [...document.querySelectorAll("video")].filter((video) => video.videoWidth > 0).length), PATIENCE)
      .toBe(4);
    await Promise.all([speaker, late].map((page) => page.evaluate(() => window.room.disconnect())));
  });
}

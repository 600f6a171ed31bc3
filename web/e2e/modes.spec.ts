/** livekit-client in both of its modes: one peer connection (its default, which the web app uses too) and two. */
import { createHmac } from "node:crypto";
import { type Browser, expect, type Page, test } from "@playwright/test";
import type * as LiveKit from "livekit-client";
import { openBrowser, openPage } from "./browsers";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { received } from "./rtc";

declare global {
  interface Window {
    LivekitClient: typeof LiveKit;
    room: LiveKit.Room;
    /** What was received on data channels, and which events the room told. */
    heard: string[];
  }
}

const API_KEY = "e2e";
const API_SECRET = "a secret of thirty-two letters!!";
const PATIENCE = { timeout: 45_000, intervals: [250] };

let dais: Dais;
const browsers: Browser[] = [];

test.beforeAll(async () => {
  Object.assign(process.env, { DAIS_API_KEY: API_KEY, DAIS_API_SECRET: API_SECRET });
  dais = await startDais("modes");
});

test.afterAll(async () => {
  delete process.env["DAIS_API_KEY"];
  delete process.env["DAIS_API_SECRET"];
  await Promise.all(browsers.map((browser) => browser.close()));
  await dais?.stop();
});

function token(identity: string, room: string, more: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: API_KEY, sub: identity, exp: Math.floor(Date.now() / 1000) + 600, video: { roomJoin: true, room, ...more } };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", API_SECRET).update(text).digest("base64url")}`;
}

/** Joins with camera and microphone, attaches every picture and plays every sound. */
async function join(identity: "ada" | "luis", room: string, singlePeerConnection: boolean): Promise<Page> {
  const browser = await openBrowser(fakeDevices(identity));
  browsers.push(browser);
  const page = await openPage(browser);
  await page.goto(`${dais.url}/healthz`);
  await page.addScriptTag({ path: "node_modules/livekit-client/dist/livekit-client.umd.js" });
  await page.evaluate(
    async ({ url, ticket, single }) => {
      const { Room, RoomEvent } = window.LivekitClient;
      const call = new Room({ singlePeerConnection: single, dynacast: true });
      Object.assign(window, { room: call, heard: [] });
      call.on(RoomEvent.TrackSubscribed, (track) => document.body.append(Object.assign(track.attach(), { id: track.sid })));
      call.on(RoomEvent.TrackUnsubscribed, (track) => document.getElementById(track.sid ?? "")?.remove());
      call.on(RoomEvent.DataReceived, (bytes, from) => window.heard.push(`${from?.identity}: ${new TextDecoder().decode(bytes)}`));
      call.on(RoomEvent.Reconnected, () => window.heard.push("reconnected"));
      await call.connect(url, ticket);
      await call.localParticipant.enableCameraAndMicrophone();
    },
    { url: dais.url, ticket: token(identity, room), single: singlePeerConnection },
  );
  return page;
}

/** Frames and sound of one other go on to come. */
async function expectToReceive(page: Page): Promise<void> {
  const before = await received(page);
  await expect.poll(async () => (await received(page)).frames, PATIENCE).toBeGreaterThan(before.frames + 20);
  await expect.poll(async () => (await received(page)).energy, PATIENCE).toBeGreaterThan(before.energy);
}

function connections(page: Page): Promise<number> {
  return page.evaluate(() => window.keptConnections.filter((one) => one.connectionState === "connected").length);
}

async function send(page: Page, text: string, reliable: boolean): Promise<void> {
  await page.evaluate(async (message) => window.room.localParticipant.publishData(new TextEncoder().encode(message.text), { reliable: message.reliable }), { text, reliable });
}

/** Calls a method of a participant through the server API. */
async function perform(room: string, identity: string, method: string, payload: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${dais.url}/twirp/livekit.RoomService/PerformRpc`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token("admin", room, { roomAdmin: true })}` },
    body: JSON.stringify({ room, destinationIdentity: identity, method, payload }),
  });
  return { status: answer.status, body: await answer.json() };
}

function heard(page: Page): Promise<string[]> {
  return page.evaluate(() => window.heard);
}

for (const [mode, single] of [["one peer connection", true], ["two peer connections", false]] as const) {
  test(`with ${mode} people see, hear and write to each other, and go on after both kinds of reconnect`, async () => {
    const room = single ? "single" : "dual";
    const ada = await join("ada", room, single);
    const luis = await join("luis", room, single);
    for (const page of [ada, luis]) {
      await expectToReceive(page);
      expect(await connections(page)).toBe(single ? 1 : 2);
    }
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

    // Off and on: the section is used again, under another track.
    await luis.evaluate(async () => {
      const track = [...window.room.localParticipant.trackPublications.values()][0]?.track;
      if (track) await window.room.localParticipant.unpublishTrack(track);
    });
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
    const speaker = await join("ada", room, single);
    // With the camera four pictures: a client first offers sections for three.
    await speaker.evaluate(async () => {
      for (let number = 0; number < 3; number += 1) {
        const canvas = document.createElement("canvas");
        const context = canvas.getContext("2d");
        setInterval(() => context?.fillRect(Math.random() * 300, 0, 10, 10), 50);
        const [track] = canvas.captureStream(10).getVideoTracks();
        if (track) await window.room.localParticipant.publishTrack(track, { name: `canvas-${number}`, simulcast: false });
      }
    });
    const late = await join("luis", room, single);
    await expect(late.locator("video")).toHaveCount(4, PATIENCE);
    await expect
      .poll(() => late.evaluate(() => [...document.querySelectorAll("video")].filter((video) => video.videoWidth > 0).length), PATIENCE)
      .toBe(4);
    await Promise.all([speaker, late].map((page) => page.evaluate(() => window.room.disconnect())));
  });
}

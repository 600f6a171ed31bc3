/** WHIP and WHEP from pages of another origin with nothing but the browser's own APIs; livekit-client watches too. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, expect, type Page, test } from "@playwright/test";
import type * as LiveKit from "livekit-client";
import { openBrowser, openPage } from "./browsers";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { layersConfirmed, received, soundFormats } from "./rtc";

const LIVEKIT = fileURLToPath(new URL("../node_modules/livekit-client/dist/livekit-client.umd.js", import.meta.url));

let dais: Dais;
let elsewhere: Server;
const browsers: Browser[] = [];

test.beforeAll(async () => {
  dais = await startDais("whip");
  elsewhere = createServer((_, reply) => reply.setHeader("content-type", "text/html").end("<!doctype html><title>elsewhere</title>"));
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await new Promise((resolve) => elsewhere?.close(resolve));
  await dais?.stop();
});

async function pageElsewhere(who?: "ada"): Promise<Page> {
  const browser = await openBrowser(who && fakeDevices(who));
  browsers.push(browser);
  const page = await openPage(browser);
  await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
  return page;
}

/** Publishes camera and microphone; returns the session's address and its entity tag. */
function publish(page: Page, endpoint: string, token: string): Promise<{ session: string; tag: string }> {
  return page.evaluate(
    async (at) => {
      const connection = new RTCPeerConnection();
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 960, height: 540 } });
      const layers = [4, 2, 1].map((scaleResolutionDownBy, place) => ({ rid: ["q", "h", "f"][place] ?? "", scaleResolutionDownBy }));
      for (const track of media.getTracks()) {
        const sendEncodings = track.kind === "video" ? layers : [];
        connection.addTransceiver(track, { direction: "sendonly", streams: [media], sendEncodings });
      }
      await connection.setLocalDescription();
      const headers = { "content-type": "application/sdp", authorization: `Bearer ${at.token}` };
      const reply = await fetch(at.endpoint, { method: "POST", headers, body: connection.localDescription?.sdp ?? "" });
      if (reply.status !== 201) throw new Error(`${reply.status}: ${await reply.text()}`);
      await connection.setRemoteDescription({ type: "answer", sdp: await reply.text() });
      return { session: new URL(reply.headers.get("location") ?? "", reply.url).href, tag: reply.headers.get("etag") ?? "" };
    },
    { endpoint, token },
  );
}

/** Plays a room; returns the session's address. */
function play(page: Page, endpoint: string, token: string): Promise<string> {
  return page.evaluate(
    async (at) => {
      const connection = new RTCPeerConnection();
      for (const kind of ["audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
      const video = document.createElement("video");
      Object.assign(video, { autoplay: true, srcObject: new MediaStream() });
      connection.ontrack = ({ track }) => (video.srcObject as MediaStream).addTrack(track);
      document.body.append(video);
      await connection.setLocalDescription();
      const headers = { "content-type": "application/sdp", authorization: `Bearer ${at.token}` };
      const reply = await fetch(at.endpoint, { method: "POST", headers, body: connection.localDescription?.sdp ?? "" });
      if (reply.status !== 201) throw new Error(`${reply.status}: ${await reply.text()}`);
      await connection.setRemoteDescription({ type: "answer", sdp: await reply.text() });
      return new URL(reply.headers.get("location") ?? "", reply.url).href;
    },
    { endpoint, token },
  );
}

/** Restarts ICE of the page's connection by PATCH; returns the status. */
function restart(page: Page, session: string, token: string): Promise<number> {
  return page.evaluate(
    async (at) => {
      const connection = window.keptConnections[0];
      const before = connection?.currentRemoteDescription?.sdp;
      if (!connection || !before) throw new Error("no connection");
      await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
      const line = (name: string) => new RegExp(`^a=${name}:.*$`, "m").exec(connection.localDescription?.sdp ?? "")?.[0] ?? "";
      const headers = { "content-type": "application/trickle-ice-sdpfrag", authorization: `Bearer ${at.token}`, "if-match": "*" };
      const body = `${line("ice-ufrag")}\r\n${line("ice-pwd")}\r\n`;
      const reply = await fetch(at.session, { method: "PATCH", headers, body });
      const fragment = await reply.text();
      const fresh = (name: string) => new RegExp(`^a=${name}:.*$`, "m").exec(fragment)?.[0] ?? "";
      const answer = before.replaceAll(/^a=ice-ufrag:.*$/gm, fresh("ice-ufrag")).replaceAll(/^a=ice-pwd:.*$/gm, fresh("ice-pwd"));
      await connection.setRemoteDescription({ type: "answer", sdp: answer });
      return reply.status;
    },
    { session, token },
  );
}

/** Joins with livekit-client and shows every track. */
async function watch(page: Page, url: string, token: string): Promise<void> {
  await page.addScriptTag({ path: LIVEKIT });
  await page.evaluate(
    async (at) => {
      const { Room, RoomEvent } = (window as unknown as { LivekitClient: typeof LiveKit }).LivekitClient;
      const room = new Room();
      room.on(RoomEvent.TrackSubscribed, (track) => document.body.append(track.attach()));
      room.on(RoomEvent.ParticipantDisconnected, (participant) => document.body.append(`${participant.identity} left`));
      await room.connect(at.url, at.token);
    },
    { url, token },
  );
}

test("a page publishes three layers by WHIP, restarts ICE, is watched by livekit-client and by WHEP, and deletes its session", async () => {
  const watcher = await pageElsewhere();
  await watch(watcher, dais.url.replace("http", "ws"), dais.token("hall", "watcher"));
  const encoder = await pageElsewhere("ada");
  const token = dais.token("hall", "encoder");
  const { session, tag } = await publish(encoder, `${dais.url}/whip`, token);
  expect(tag).toMatch(/^"\S+"$/);
  await expect(watcher.locator("video")).toHaveCount(1, { timeout: 30_000 });
  await expect.poll(async () => (await received(watcher)).frames, { timeout: 20_000 }).toBeGreaterThan(20);
  await expect.poll(async () => (await received(watcher)).energy, { timeout: 20_000 }).toBeGreaterThan(0);
  await expect.poll(async () => Object.values(await layersConfirmed(encoder)).filter((packets) => packets > 0).length, { timeout: 30_000 }).toBe(3);

  const player = await pageElsewhere();
  await play(player, `${dais.url}/whep`, dais.token("hall", "player"));
  await expect.poll(async () => (await received(player)).frames, { timeout: 20_000 }).toBeGreaterThan(20);
  await expect.poll(async () => (await received(player)).energy, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await soundFormats(encoder)).toEqual(["red"]);

  expect(await restart(encoder, session, token)).toBe(200);
  const before = (await received(watcher)).frames;
  await expect.poll(() => encoder.evaluate(() => window.keptConnections[0]?.iceConnectionState), { timeout: 20_000 }).toBe("connected");
  await expect.poll(async () => (await received(watcher)).frames, { timeout: 20_000 }).toBeGreaterThan(before + 20);

  const status = await encoder.evaluate(
    async (at) => (await fetch(at.session, { method: "DELETE", headers: { authorization: `Bearer ${at.token}` } })).status,
    { session, token },
  );
  expect(status).toBe(200);
  await expect(watcher.getByText("encoder left")).toBeVisible();

  // The same player goes on with whoever comes next.
  const shown = (await received(player)).frames;
  await publish(encoder, `${dais.url}/whip`, dais.token("hall", "second"));
  await expect.poll(async () => (await received(player)).frames, { timeout: 30_000 }).toBeGreaterThan(shown + 20);
});

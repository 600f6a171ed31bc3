/** A call in a page that has livekit-client and nothing else, in Chromium or in Firefox. */
import { readFile } from "node:fs/promises";
import { expect, type Page } from "@playwright/test";
import type * as LiveKit from "livekit-client";
import { received } from "./rtc";

declare global {
  interface Window {
    LivekitClient: typeof LiveKit;
    room: LiveKit.Room;
    /** What was received on data channels, and which events the room told. */
    heard: string[];
  }
}

export const PATIENCE = { timeout: 45_000, intervals: [250] };
const LIVEKIT = "node_modules/livekit-client/dist/livekit-client";

/** Pixels across: less is a smaller layer of either browser's fake camera. */
const LARGE = 640;

/** A page of either browser, as far as these tests go. */
export type CallPage = Pick<Page, "evaluate" | "goto" | "addScriptTag">;

/** Joins with camera and microphone, attaches every picture and plays every sound. With a passphrase, all of it is encrypted end to end. */
export async function joinCall<P extends CallPage>(page: P, url: string, ticket: string, single: boolean, passphrase?: string): Promise<P> {
  await page.goto(`${url}/healthz`);
  await page.addScriptTag({ path: `${LIVEKIT}.umd.js` });
  const worker = passphrase === undefined ? "" : await readFile(`${LIVEKIT}.e2ee.worker.js`, "utf8");
  await page.evaluate(
    async (call) => {
      const { ExternalE2EEKeyProvider, Room, RoomEvent } = window.LivekitClient;
      const keyProvider = new ExternalE2EEKeyProvider();
      const encryption = () => ({ keyProvider, worker: new Worker(URL.createObjectURL(new Blob([call.worker], { type: "text/javascript" }))) });
      const room = new Room({ singlePeerConnection: call.single, dynacast: true, ...(call.passphrase === undefined ? {} : { encryption: encryption() }) });
      if (call.passphrase !== undefined) {
        await keyProvider.setKey(call.passphrase);
        await room.setE2EEEnabled(true);
      }
      Object.assign(window, { room, heard: [] });
      room.on(RoomEvent.TrackSubscribed, (track) => document.body.append(Object.assign(track.attach(), { id: track.sid })));
      room.on(RoomEvent.TrackUnsubscribed, (track) => document.getElementById(track.sid ?? "")?.remove());
      room.on(RoomEvent.DataReceived, (bytes, from) => window.heard.push(`${from?.identity}: ${new TextDecoder().decode(bytes)}`));
      room.on(RoomEvent.Reconnected, () => window.heard.push("reconnected"));
      room.on(RoomEvent.TrackMuted, (track, from) => window.heard.push(`${from.identity} muted ${track.source}`));
      room.on(RoomEvent.TrackUnmuted, (track, from) => window.heard.push(`${from.identity} unmuted ${track.source}`));
      await room.connect(call.url, call.ticket);
      await room.localParticipant.enableCameraAndMicrophone();
    },
    { url, ticket, single, worker, passphrase },
  );
  return page;
}

/** Asks for the small picture of the other's simulcast, then for the large one again. */
export async function expectLayers(page: CallPage): Promise<void> {
  const wish = (small: boolean) =>
    page.evaluate((low) => {
      const { Track, VideoQuality } = window.LivekitClient;
      const [other] = window.room.remoteParticipants.values();
      other?.getTrackPublication(Track.Source.Camera)?.setVideoQuality(low ? VideoQuality.LOW : VideoQuality.HIGH);
    }, small);
  const width = () => page.evaluate(() => document.querySelector("video")?.videoWidth ?? 0);
  await expect.poll(width, PATIENCE).toBeGreaterThanOrEqual(LARGE);
  await wish(true);
  await expect.poll(width, PATIENCE).toBeLessThan(LARGE);
  await wish(false);
  await expect.poll(width, PATIENCE).toBeGreaterThanOrEqual(LARGE);
}

/** Frames and sound of one other go on to come. */
export async function expectToReceive(page: CallPage): Promise<void> {
  const before = await received(page);
  await expect.poll(async () => (await received(page)).frames, PATIENCE).toBeGreaterThan(before.frames + 20);
  await expect.poll(async () => (await received(page)).energy, PATIENCE).toBeGreaterThan(before.energy);
}

export function connections(page: CallPage): Promise<number> {
  return page.evaluate(() => window.keptConnections.filter((one) => one.connectionState === "connected").length);
}

export async function send(page: CallPage, text: string, reliable: boolean): Promise<void> {
  await page.evaluate(async (message) => window.room.localParticipant.publishData(new TextEncoder().encode(message.text), { reliable: message.reliable }), { text, reliable });
}

export function heard(page: CallPage): Promise<string[]> {
  return page.evaluate(() => window.heard);
}

/** Publishes a picture in which something moves. */
export async function publishCanvas(page: CallPage, name: string, source: "camera" | "screen_share"): Promise<void> {
  await page.evaluate(
    async (track) => {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("2d");
      setInterval(() => context?.fillRect(Math.random() * 300, 0, 10, 10), 50);
      const [picture] = canvas.captureStream(10).getVideoTracks();
      if (picture) await window.room.localParticipant.publishTrack(picture, { name: track.name, source: track.source as LiveKit.Track.Source, simulcast: false });
    },
    { name, source },
  );
}

export async function unpublish(page: CallPage, source: "camera" | "screen_share"): Promise<void> {
  await page.evaluate(async (wanted) => {
    const track = window.room.localParticipant.getTrackPublication(wanted as LiveKit.Track.Source)?.track;
    if (track) await window.room.localParticipant.unpublishTrack(track);
  }, source);
}

/** What a page is subscribed to of the others. */
export function sources(page: CallPage): Promise<string[]> {
  return page.evaluate(() => {
    const tracks = [...window.room.remoteParticipants.values()].flatMap((other) => [...other.trackPublications.values()]);
    return tracks.filter((track) => track.isSubscribed).map((track): string => track.source).toSorted();
  });
}

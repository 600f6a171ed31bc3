/** Twenty-five people on screen in one room: twenty synthetic ones, four Chromium pages in both modes, one Firefox. */
import { join } from "node:path";
import { type Browser, expect, test } from "@playwright/test";
import { AccessToken, RoomServiceClient } from "livekit-server-sdk";
import { needAddress } from "./addresses";
import { type BarePage, serveBarePage } from "./bare-page";
import { openBrowser, openPage } from "./browsers";
import type { Incoming, Negotiated, Wish } from "./clients/participant-page";
import { binaries, type Dais, startDais } from "./dais";
import { smallClips, smallWidth } from "./devices";
import { type Firefox, openFirefox } from "./firefox";
import { Program } from "./programs";
import type { AnyPage } from "./rtc";

const API_KEY = { key: "e2e", secret: "a secret of thirty-two letters!!" };
const ROOM = "crowd";
const SYNTHETIC = 20;
const PLACES = Array.from({ length: SYNTHETIC }, (_, place) => place);
const CHROMIUM = ["chromium-0", "chromium-1", "chromium-2", "chromium-3"];
/** Of the synthetic ones, those who come when the browsers are there. */
const LATE = 5;
const CYCLES = 30;
const PATIENCE = { timeout: 60_000, intervals: [250] };
/** These join over one peer connection, the others over two. */
const SINGLE = ["chromium-1", "chromium-3"];

interface Published {
  identity: string;
  name: string;
}

let dais: Dais;
let chromium: Browser;
let firefox: Firefox;
let bare: BarePage;
let crowd: Program;
let service: RoomServiceClient;
let removeAddress: () => void;
let orders = 0;
const pages = new Map<string, AnyPage>();

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  removeAddress = needAddress();
  dais = await startDais("crowd", { media: "default", apiKey: API_KEY });
  service = new RoomServiceClient(dais.url, API_KEY.key, API_KEY.secret);
  bare = await serveBarePage();
  crowd = new Program([join(binaries(), "examples/crowd")]);
  [chromium, firefox] = await Promise.all([openBrowser(), openFirefox()]);
});

test.afterAll(async () => {
  crowd?.kill();
  await Promise.all([chromium?.close(), firefox?.close()]);
  bare?.close();
  await dais?.stop();
  removeAddress?.();
});

async function token(identity: string): Promise<string> {
  const made = new AccessToken(API_KEY.key, API_KEY.secret, { identity });
  made.addGrant({ roomJoin: true, room: ROOM });
  return made.toJwt();
}

function synthetic(place: number): string {
  return `synthetic-${place}`;
}

/** Has the crowd do something, and waits until it is done. */
async function order(what: object | string): Promise<void> {
  crowd.tell(what);
  orders += 1;
  await crowd.until<number>("done", (done) => done === orders);
}

/** They join at once. */
async function joinSynthetic(places: readonly number[]): Promise<void> {
  const clips = smallClips(SYNTHETIC);
  const joins = places.map(async (place) => ({ url: dais.url, token: await token(synthetic(place)), identity: synthetic(place), ...clips[place] }));
  await order({ join: await Promise.all(joins) });
}

async function joinPage(identity: string, page: AnyPage & { goto: (url: string) => Promise<unknown> }): Promise<void> {
  const wish: Wish = { url: dais.url, token: await token(identity), singlePeerConnection: SINGLE.includes(identity) };
  await page.goto(`${bare.url}#${encodeURIComponent(JSON.stringify(wish))}`);
  await page.evaluate(() => window.participant.join());
  pages.set(identity, page);
}

function incoming(page: AnyPage): Promise<Record<string, Incoming>> {
  return page.evaluate(() => window.participant.incoming());
}

/** Every track of the room by its id, as the server lists them. */
async function published(): Promise<Record<string, Published>> {
  const all = await service.listParticipants(ROOM);
  return Object.fromEntries(all.flatMap(({ identity, tracks }) => tracks.map(({ sid, name }) => [sid, { identity, name }])));
}

/** What a page lacks: tracks that bring nothing new, are nobody's, or show somebody else. */
async function faults(identity: string, page: AnyPage, before: Record<string, Incoming>): Promise<string[]> {
  const others = Object.entries(await published()).filter(([, track]) => track.identity !== identity);
  const now = await incoming(page);
  const missing = others.filter(([sid]) => (now[sid]?.amount ?? 0) <= (before[sid]?.amount ?? 0)).map(([, { name }]) => `no ${name}`);
  const known = Object.fromEntries(others);
  const wrong = Object.entries(now).filter(([sid, track]) => track.identity !== known[sid]?.identity || track.name !== known[sid].name || !isOwnWidth(track));
  return [...missing, ...wrong.map(([sid, track]) => `${sid} as ${track.identity}'s ${track.name}, ${track.width} wide`)];
}

/** Every synthetic picture has its own width; browsers adapt theirs. */
function isOwnWidth({ identity, width, kind }: Incoming): boolean {
  const place = PLACES.find((known) => synthetic(known) === identity);
  return place === undefined || kind !== "video" || width === smallWidth(place);
}

/** Each page decodes every track but its own, under the name of its publisher. */
async function expectPagesToHaveAll(): Promise<void> {
  // On a starved machine a browser may be reconnecting just now.
  await expect.poll(async () => Object.keys(await published()).length, PATIENCE).toBe(2 * (SYNTHETIC + pages.size));
  for (const { identity, name } of Object.values(await published())) expect([`${identity}-camera`, `${identity}-microphone`]).toContain(name);
  for (const [identity, page] of pages) {
    const before = await incoming(page);
    await expect.poll(() => faults(identity, page, before), PATIENCE).toEqual([]);
  }
}

/** Packets of every track arrive at every synthetic participant. */
async function expectCrowdToHaveAll(): Promise<void> {
  const packets = async () => {
    await order("report");
    return crowd.said<Record<string, Record<string, number>>>("packets") ?? {};
  };
  const before = await packets();
  const missing = async () => {
    const [now, listed] = [await packets(), Object.entries(await published())];
    return Object.keys(now).flatMap((identity) => {
      const others = listed.filter(([, track]) => track.identity !== identity);
      return others.filter(([sid]) => (now[identity]?.[sid] ?? 0) <= (before[identity]?.[sid] ?? 0)).map(([, track]) => `${track.name} at ${identity}`);
    });
  };
  await expect.poll(missing, PATIENCE).toEqual([]);
}

/** The largest descriptions that pages have got from the server. */
async function negotiated(): Promise<Negotiated> {
  const all = await Promise.all([...pages.values()].map((page) => page.evaluate(() => window.participant.negotiated())));
  return { bytes: Math.max(...all.flat().map(({ bytes }) => bytes)), sections: Math.max(...all.flat().map(({ sections }) => sections)) };
}

test("everybody of twenty-five receives every track, who comes late, too", async () => {
  await joinSynthetic(PLACES.slice(LATE));
  for (const identity of CHROMIUM) await joinPage(identity, await openPage(chromium));
  await joinPage("firefox", firefox.page);
  for (const place of PLACES.slice(0, LATE)) await joinSynthetic([place]);
  await expectPagesToHaveAll();
  await expectCrowdToHaveAll();
});

test("tracks that go and come leave the negotiation small, and each track under its own name", async () => {
  test.setTimeout(360_000);
  const before = await negotiated();
  const watcher = pages.get("chromium-0");
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const identity = synthetic(cycle % SYNTHETIC);
    const shown = async () => (await watcher?.evaluate(() => window.participant.trackCounts()))?.[identity];
    await order({ unpublish: identity });
    await expect.poll(shown, { ...PATIENCE, intervals: [50] }).toBe(0);
    await order({ publish: identity });
    await expect.poll(shown, { ...PATIENCE, intervals: [50] }).toBe(2);
  }
  await expectPagesToHaveAll();
  await expectCrowdToHaveAll();
  const after = await negotiated();
  // Sections of tracks that went are used again; at most one pair came before the last one was free.
  expect(after.sections).toBeLessThanOrEqual(before.sections + 2);
  expect(after.bytes).toBeLessThanOrEqual(before.bytes * 1.1);
  await crowd.end();
});

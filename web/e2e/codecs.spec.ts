/** VP9 and AV1 with all their layers in one stream, by livekit-client in Chromium. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { AccessToken } from "livekit-server-sdk";
import { type BarePage, serveBarePage } from "./bare-page";
import { openBrowser, openPage } from "./browsers";
import type { CodecWish, Decoded } from "./clients/codec-page";
import { type Dais, startDais } from "./dais";

const API_KEY = { key: "e2e", secret: "a secret of thirty-two letters!!" };
/** Two encoders and two decoders on two cores. */
const PATIENCE = { timeout: 45_000, intervals: [250] };

let dais: Dais;
let chromium: Browser;
let bare: BarePage;

test.beforeAll(async () => {
  dais = await startDais("codecs", { media: "loopback", apiKey: API_KEY });
  bare = await serveBarePage("codec-page.ts");
  chromium = await openBrowser();
});

test.afterAll(async () => {
  await chromium?.close();
  bare?.close();
  await dais?.stop();
});

async function open(room: string, identity: string, wish: Omit<CodecWish, "url" | "token">): Promise<Page> {
  const token = new AccessToken(API_KEY.key, API_KEY.secret, { identity });
  token.addGrant({ roomJoin: true, room });
  const page = await openPage(chromium, { permissions: ["camera"] });
  const fragment: CodecWish = { url: dais.url, token: await token.toJwt(), ...wish };
  await page.goto(`${bare.url}#${encodeURIComponent(JSON.stringify(fragment))}`);
  await page.evaluate(() => window.codecs.join());
  return page;
}

function decoded(page: Page): Promise<Decoded> {
  return page.evaluate(() => window.codecs.decoded());
}

/** Its picture gets this wide, and goes on. */
async function expectWidth(page: Page, width: number): Promise<void> {
  await expect.poll(async () => (await decoded(page)).width, PATIENCE).toBe(width);
  const { frames } = await decoded(page);
  await expect.poll(async () => (await decoded(page)).frames, PATIENCE).toBeGreaterThan(frames + 15);
}

for (const codec of ["vp9", "av1"] as const) {
  for (const singlePeerConnection of [true, false]) {
    test(`${codec} is decoded at its smallest and its largest layer over ${singlePeerConnection ? "one peer connection" : "two peer connections"}`, async () => {
      const room = `${codec}-${singlePeerConnection}`;
      const publisher = await open(room, "publisher", { singlePeerConnection, publish: { codec, backupCodec: false } });
      const [small, large] = await Promise.all([open(room, "small", { singlePeerConnection }), open(room, "large", { singlePeerConnection })]);
      await expect.poll(async () => (await decoded(small)).frames, PATIENCE).toBeGreaterThan(0);
      await small.evaluate(() => window.codecs.want("low"));
      await expectWidth(large, 960);
      await expectWidth(small, 240);
      expect((await decoded(small)).codec).toBe(`video/${codec.toUpperCase()}`);
      expect(await publisher.evaluate(() => window.codecs.encoded())).toMatchObject([{ codec: `video/${codec.toUpperCase()}`, scalabilityMode: "L3T3_KEY" }]);
      // Up, and down again, without a picture that stands still.
      const before = await decoded(small);
      await small.evaluate(() => window.codecs.want("high"));
      await expectWidth(small, 960);
      await small.evaluate(() => window.codecs.want("low"));
      await expectWidth(small, 240);
      expect((await decoded(small)).freezes - before.freezes).toBe(0);
      await Promise.all([publisher, small, large].map((page) => page.context().close()));
    });
  }
}

for (const singlePeerConnection of [true, false]) {
  test(`a viewer without VP9 gets the backup codec, others the first, over ${singlePeerConnection ? "one peer connection" : "two peer connections"}`, async () => {
    const room = `backup-${singlePeerConnection}`;
    const publisher = await open(room, "publisher", { singlePeerConnection, publish: { codec: "vp9", backupCodec: true } });
    const modern = await open(room, "modern", { singlePeerConnection });
    await expect.poll(async () => (await decoded(modern)).frames, PATIENCE).toBeGreaterThan(0);
    // Nobody needs it yet.
    expect((await publisher.evaluate(() => window.codecs.encoded())).map(({ codec }) => codec)).toEqual(["video/VP9"]);
    const old = await open(room, "old", { singlePeerConnection, without: "video/VP9" });
    await expectWidth(old, 960);
    expect((await decoded(old)).codec).toBe("video/VP8");
    await old.evaluate(() => window.codecs.want("low"));
    await expect.poll(async () => (await decoded(old)).width, PATIENCE).toBeLessThan(400);
    await expectWidth(modern, 960);
    expect((await decoded(modern)).codec).toBe("video/VP9");
    await Promise.all([publisher, modern, old].map((page) => page.context().close()));
  });
}

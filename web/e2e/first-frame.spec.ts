/** From the beginning of a join to the first decoded frame, by livekit-client in Chromium on loopback. Figures are told, not judged. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { AccessToken } from "livekit-server-sdk";
import { type BarePage, serveBarePage } from "./bare-page";
import { openBrowser, openPage } from "./browsers";
import type { FirstFrameWish } from "./clients/first-frame-page";
import { type Dais, startDais } from "./dais";

const API_KEY = { key: "e2e", secret: "a secret of thirty-two letters!!" };
/** After a first one, which loads what the browser has not loaded yet. */
const JOINS = 10;
/** Least time between two joins of one viewer. */
const PAUSE_MS = 1000;

let dais: Dais;
let bare: BarePage;
const browsers: Browser[] = [];

test.beforeAll(async () => {
  dais = await startDais("first-frame", { media: "loopback", apiKey: API_KEY });
  bare = await serveBarePage("first-frame-page.ts");
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  bare?.close();
  await dais?.stop();
});

async function open(room: string, identity: string, singlePeerConnection: boolean): Promise<Page> {
  const token = new AccessToken(API_KEY.key, API_KEY.secret, { identity });
  token.addGrant({ roomJoin: true, room });
  const browser = await openBrowser();
  browsers.push(browser);
  const page = await openPage(browser, { permissions: ["camera"] });
  const fragment: FirstFrameWish = { url: dais.url, token: await token.toJwt(), singlePeerConnection };
  await page.goto(`${bare.url}#${encodeURIComponent(JSON.stringify(fragment))}`);
  return page;
}

test("every join shows a frame, over one peer connection and over two", async () => {
  const room = "first-frame";
  const publisher = await open(room, "publisher", true);
  await publisher.evaluate(() => window.firstFrame.publish());
  const viewers = [];
  for (const singlePeerConnection of [true, false]) {
    const mode = singlePeerConnection ? "one peer connection" : "two peer connections";
    const page = await open(room, `viewer-${singlePeerConnection}`, singlePeerConnection);
    await page.evaluate(() => window.firstFrame.join());
    viewers.push({ mode, page, took: new Array<number>() });
  }
  for (let join = 0; join < JOINS; join += 1) {
    // By turns: one has its pause while the other joins.
    for (const { page, took } of viewers) {
      await page.waitForTimeout(PAUSE_MS / viewers.length);
      took.push(Math.round(await page.evaluate(() => window.firstFrame.join())));
    }
  }
  for (const { mode, took } of viewers) {
    expect(took).toHaveLength(JOINS);
    took.sort((a, b) => a - b);
    const description = `p50 ${took[Math.floor(JOINS / 2)]}, p95 ${took[Math.floor(0.95 * JOINS)]}, all ${took.join(" ")}`;
    test.info().annotations.push({ type: `milliseconds from join to first decoded frame over ${mode}`, description });
  }
});

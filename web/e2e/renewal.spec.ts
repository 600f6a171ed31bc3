/** The live player where the stream's token is renewed: the picture may not even wait. */
import { expect, test } from "@playwright/test";
import { type LiveStage, startLiveStage } from "./live-stage";
import { expectPlaying, position, streamFaults, watchStream } from "./player";

let stage: LiveStage;

test.beforeAll(async () => {
  stage = await startLiveStage("renewal");
});

test.afterAll(async () => {
  await stage?.stop();
});

test("the picture goes on when the token is renewed", async () => {
  stage.live.admit("first", "second");
  stage.query = "?token=first";
  const viewer = await stage.viewerPage();
  await stage.enter(viewer);
  await expectPlaying(viewer);
  await watchStream(viewer);
  await viewer.evaluate(() => {
    const media = document.querySelector("hls-video");
    for (const event of ["emptied", "loadstart", "pause", "waiting"]) media?.addEventListener(event, () => window.streamFaults.push(event));
  });
  const refused: string[] = [];
  viewer.on("response", (response) => {
    if (response.status() === 403) refused.push(response.url());
  });
  // The page hears of it when it asks for the stage's state the next time.
  const renewed = viewer.waitForResponse((response) => response.url().includes("token=second"), { timeout: 30_000 });
  stage.query = "?token=second";
  await renewed;
  const { time } = await position(viewer);
  stage.live.admit("second");
  await expect.poll(async () => (await position(viewer)).time, { timeout: 30_000 }).toBeGreaterThan(time + 8);
  expect(await streamFaults(viewer)).toEqual([]);
  expect(refused).toEqual([]);
});

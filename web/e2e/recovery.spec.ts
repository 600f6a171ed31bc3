/** The live player where the stream begins badly. */
import { expect, test } from "@playwright/test";
import { type LiveStage, startLiveStage } from "./live-stage";
import { expectPlaying } from "./player";

let stage: LiveStage;

test.beforeAll(async () => {
  stage = await startLiveStage("recovery");
});

test.afterAll(async () => {
  await stage?.stop();
});

/** What the first request for a file gets instead of the file. */
const FIRST_ANSWERS = [
  { file: "master.m3u8", status: 404 },
  { file: "master.m3u8", status: 200 },
  { file: "video.m3u8", status: 503 },
  { file: "video.m3u8", status: 200 },
  { file: "init.mp4", status: 404 },
  { file: "init.mp4", status: 200 },
  { file: "*.m4s", status: 404 },
];

for (const { file, status } of FIRST_ANSWERS) {
  test(`a picture comes although the first ${file} is ${status === 200 ? "empty" : `a ${status}`}`, async () => {
    const viewer = await stage.viewerPage();
    let asked = 0;
    await viewer.route(stage.live.url.replace("master.m3u8", file), (route) => {
      asked += 1;
      return asked > 1 ? route.continue() : route.fulfill({ status, body: "", headers: { "access-control-allow-origin": "*" } });
    });
    await stage.enter(viewer);
    await expectPlaying(viewer);
    expect(asked, "the player asked again").toBeGreaterThan(1);
    await viewer.context().close();
  });
}

test("a picture comes although hls.js forgets a segment whose init segment is slow", async () => {
  const viewer = await stage.viewerPage();
  let refused = false;
  await viewer.route(stage.live.url.replace("master.m3u8", "init.mp4"), async (route) => {
    await expect.poll(() => refused).toBe(true);
    await route.continue().catch(() => undefined);
  });
  await viewer.route(stage.live.url.replace("master.m3u8", "*.m4s"), async (route) => {
    if (refused) await route.continue();
    else await route.fulfill({ status: 404, headers: { "access-control-allow-origin": "*" } });
    refused = true;
  });
  await stage.enter(viewer);
  await expectPlaying(viewer);
  await viewer.context().close();
});

test("a picture comes on a machine that is twenty times as slow", async () => {
  const viewer = await stage.viewerPage();
  const devtools = await viewer.context().newCDPSession(viewer);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 20 });
  await stage.enter(viewer);
  await expectPlaying(viewer);
  await viewer.context().close();
});

/** The live player where the stream begins badly, and where its token is renewed. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { openBrowser, openPage } from "./browsers";
import { type Dais, startDais } from "./dais";
import { type LiveDouble, startLiveDouble } from "./live-double";
import { addTitled, makeEvent } from "./organiser";
import { expectPlaying, position, streamFaults, watchStream } from "./player";

let dais: Dais;
let live: LiveDouble;
let browser: Browser;
let address: string;
/** Query of the stream's address. */
let query = "";

test.beforeAll(async () => {
  [dais, live, browser] = await Promise.all([startDais("recovery"), startLiveDouble(), openBrowser()]);
  const organiser = await openPage(browser);
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Recovery day");
  await addTitled(organiser, "Add a stage", "Main stage");
  const event = (await organiser.locator("code").first().textContent()) ?? "";
  const control = (await organiser.getByRole("link", { name: "Control room" }).getAttribute("href")) ?? "";
  address = `${event}/stages/${control.split("/").pop()}`;
});

test.afterAll(async () => {
  await browser?.close();
  await live?.stop();
  await dais?.stop();
});

/** A page that is about to see the stage's live picture. */
async function viewerPage(): Promise<Page> {
  const viewer = await openPage(browser);
  await viewer.route("**/api/v1/stages/*/join", (route) => route.fulfill({ json: { role: "viewer", state: "live", hls_url: live.url + query, live_since: new Date().toISOString(), viewers: 3 } }));
  return viewer;
}

async function enter(viewer: Page): Promise<void> {
  await viewer.goto(address);
  await viewer.getByLabel("Your name").fill("Sana Noor");
  await viewer.getByRole("button", { name: "Enter" }).click();
}

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
    const viewer = await viewerPage();
    let asked = 0;
    await viewer.route(live.url.replace("master.m3u8", file), (route) => {
      asked += 1;
      return asked > 1 ? route.continue() : route.fulfill({ status, body: "", headers: { "access-control-allow-origin": "*" } });
    });
    await enter(viewer);
    await expectPlaying(viewer);
    expect(asked, "the player asked again").toBeGreaterThan(1);
    await viewer.context().close();
  });
}

test("a picture comes although hls.js forgets a segment whose init segment is slow", async () => {
  const viewer = await viewerPage();
  let refused = false;
  await viewer.route(live.url.replace("master.m3u8", "init.mp4"), async (route) => {
    await expect.poll(() => refused).toBe(true);
    await route.continue().catch(() => undefined);
  });
  await viewer.route(live.url.replace("master.m3u8", "*.m4s"), async (route) => {
    if (refused) await route.continue();
    else await route.fulfill({ status: 404, headers: { "access-control-allow-origin": "*" } });
    refused = true;
  });
  await enter(viewer);
  await expectPlaying(viewer);
  await viewer.context().close();
});

test("a picture comes on a machine that is twenty times as slow", async () => {
  const viewer = await viewerPage();
  const devtools = await viewer.context().newCDPSession(viewer);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 20 });
  await enter(viewer);
  await expectPlaying(viewer);
  await viewer.context().close();
});

test("the picture goes on when the token is renewed", async () => {
  live.admit("first", "second");
  query = "?token=first";
  const viewer = await viewerPage();
  await enter(viewer);
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
  query = "?token=second";
  await renewed;
  const { time } = await position(viewer);
  live.admit("second");
  await expect.poll(async () => (await position(viewer)).time, { timeout: 30_000 }).toBeGreaterThan(time + 8);
  expect(await streamFaults(viewer)).toEqual([]);
  expect(refused).toEqual([]);
});

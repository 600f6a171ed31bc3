/** Clients that nobody here wrote meet in one session: Firefox and Chromium in the web app, LiveKit's SDKs for Python and Node. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { AccessToken, RoomServiceClient } from "livekit-server-sdk";
import { needAddress } from "./addresses";
import { openBrowser, openPage } from "./browsers";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { type Firefox, openFirefox } from "./firefox";
import { addTitled, makeEvent } from "./organiser";
import { client, Program } from "./programs";
import { type AnyPage, received, soundFormats } from "./rtc";

const API_KEY = { key: "e2e", secret: "a secret of thirty-two letters!!" };
/** Browsers, encoders and a server on two cores. */
const PATIENCE = { timeout: 45_000, intervals: [250] };

type Counts = Record<string, { frames: number; energy: number }>;

let dais: Dais;
let chromium: Browser;
let ada: Page;
let firefox: Firefox;
let removeAddress: () => void;
let room: string;
const programs: Program[] = [];

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  removeAddress = needAddress();
  dais = await startDais("clients", { media: "default", apiKey: API_KEY });
  [chromium, firefox] = await Promise.all([openBrowser(fakeDevices("ada")), openFirefox()]);
});

test.afterAll(async () => {
  for (const program of programs) program.kill();
  await Promise.all([chromium?.close(), firefox?.close()]);
  await dais?.stop();
  removeAddress?.();
});

/** Frames and sound of so many others come in, and go on to come. */
async function expectToReceive(page: AnyPage, others: number): Promise<void> {
  const before = await received(page);
  await expect.poll(async () => (await received(page)).pictures, PATIENCE).toBe(others);
  await expect.poll(async () => (await received(page)).frames, PATIENCE).toBeGreaterThan(before.frames + 20 * others);
  await expect.poll(async () => (await received(page)).energy, PATIENCE).toBeGreaterThan(before.energy);
}

async function joinBy(file: string, identity: string): Promise<Program> {
  const token = new AccessToken(API_KEY.key, API_KEY.secret, { identity, name: identity });
  token.addGrant({ roomJoin: true, room });
  const program = new Program([...client(file), dais.url, await token.toJwt()]);
  programs.push(program);
  await program.until("published");
  return program;
}

/** It receives frames and sound of everybody else. */
async function expectAllToReach(program: Program, others: number): Promise<void> {
  const counts = await program.until<Counts>("received", (all) => Object.values(all).filter((one) => one.frames > 20 && one.energy > 0).length === others);
  expect(Object.keys(counts)).toHaveLength(others);
}

test("Firefox speaks in a session with default settings, and sees and hears Chromium", async () => {
  const organiser = await openPage(chromium);
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Many makers");
  await addTitled(organiser, "Add a session", "Interoperability");
  const session = new URL((await organiser.getByRole("link", { name: "Enter" }).getAttribute("href")) ?? "", dais.url).href;
  await organiser.context().close();
  ada = await openPage(chromium);
  await ada.goto(session);
  await ada.getByLabel("Your name").fill("Ada Obi");
  await ada.getByRole("button", { name: "Enter" }).click();
  await ada.getByRole("button", { name: "Join on screen" }).click();
  await expect(ada.getByTestId("call")).toBeVisible(PATIENCE);

  const { page } = firefox;
  page.setDefaultTimeout(PATIENCE.timeout);
  await page.goto(session);
  await page.locator("aria/Your name[role='textbox']").fill("Luis Prado");
  await page.locator("aria/Enter[role='button']").click();
  await page.locator("[data-testid=mic-meter]").wait();
  await page.locator("aria/Join on screen").click();
  await page.locator("[data-testid=call]").wait();

  await expect(ada.locator(".tile video")).toHaveCount(2, PATIENCE);
  await expectToReceive(ada, 1);
  await expectToReceive(page, 1);
  // Firefox was offered plain Opus and heard it.
  expect(await soundFormats(ada)).toEqual(["red"]);
});

test("LiveKit's SDK for Python publishes, and receives what browsers publish", async () => {
  room = (await new RoomServiceClient(dais.url, API_KEY.key, API_KEY.secret).listRooms()).map(({ name }) => name).join();
  const python = await joinBy("participant.py", "python");
  await expectAllToReach(python, 2);
  await expectToReceive(ada, 2);
  await expectToReceive(firefox.page, 2);
});

test("LiveKit's SDK for Node publishes, receives everybody, and both leave cleanly", async () => {
  const node = await joinBy("participant.ts", "node");
  await expectAllToReach(node, 3);
  await expectToReceive(ada, 3);
  await expectToReceive(firefox.page, 3);
  for (const program of programs) {
    await program.end();
    expect(program.said("left")).toBe(true);
  }
  // Long before any time-out of the server: they said goodbye.
  await expect(ada.locator(".tile")).toHaveCount(2, { timeout: 5000 });
});

for (const [language, file] of [["Python", "room_service.py"], ["Node", "room-service.ts"]] as const) {
  test(`LiveKit's server SDK for ${language} drives rooms, and participants see what it does`, async () => {
    const program = new Program([...client(file), dais.url, API_KEY.key, API_KEY.secret]);
    programs.push(program);
    await program.end();
  });
}

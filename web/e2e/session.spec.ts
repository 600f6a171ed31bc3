/** A session: two people on screen, one who only watches, at desktop and phone size, in both themes. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { addTitled, makeEvent } from "./organiser";
import { received } from "./rtc";

let dais: Dais;
const browsers: Browser[] = [];

async function newBrowser(...args: Parameters<typeof openBrowser>): Promise<Browser> {
  const browser = await openBrowser(...args);
  browsers.push(browser);
  return browser;
}

test.beforeAll(async () => {
  dais = await startDais("session");
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await dais?.stop();
});

async function enter(page: Page, address: string, name: string): Promise<void> {
  await page.goto(address);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Enter" }).click();
}

test("people meet in a session, mute, turn the camera off, and leave", async () => {
  test.slow();
  const organiser = await openPage(await newBrowser());
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Small rooms");
  await addTitled(organiser, "Add a session", "Big questions");
  const link = (await organiser.locator("code").first().textContent()) ?? "";
  const enterSession = await organiser.getByRole("link", { name: "Enter" }).getAttribute("href");
  const session = new URL(enterSession ?? "", dais.url).href;

  const ada = await openPage(await newBrowser(fakeDevices("ada")));
  const luis = await openPage(await newBrowser(fakeDevices("luis")), { viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true });
  for (const [page, name] of [[ada, "Ada Obi"], [luis, "Luis Prado"]] as const) {
    await enter(page, session, name);
    await expect(page.getByTestId("mic-meter")).toBeVisible();
    await page.getByRole("button", { name: "Join on screen" }).click();
    await expect(page.getByTestId("call")).toBeVisible({ timeout: 30_000 });
  }
  await expect(ada.locator(".tile video")).toHaveCount(2, { timeout: 60_000 });
  await expect.poll(async () => (await received(ada)).frames, { timeout: 60_000 }).toBeGreaterThan(20);
  await expect.poll(async () => (await received(luis)).frames, { timeout: 60_000 }).toBeGreaterThan(20);
  await picture(ada, "session");
  await picture(luis, "session-phone-dark");
  await expectAccessible(ada, "session");
  await expectAccessible(luis, "session on a phone");

  const sana = await openPage(await newBrowser());
  await enter(sana, session, "Sana Noor");
  await sana.getByRole("button", { name: "Just watch" }).click();
  await expect(sana.locator(".tile video")).toHaveCount(2, { timeout: 60_000 });
  await expect(ada.getByText("1 watching")).toBeVisible();
  await expect(sana.getByRole("button", { name: /camera/i })).toHaveCount(0);

  await ada.getByRole("button", { name: "Share your screen" }).click();
  const screen = luis.locator(".tile[data-screen] video");
  await expect(screen).toBeVisible({ timeout: 30_000 });
  const shown = () => screen.evaluate((video: HTMLVideoElement) => (video.videoWidth > 0 ? video.currentTime : 0));
  const first = await shown();
  await expect.poll(shown, { timeout: 20_000 }).toBeGreaterThan(first + 1);
  await picture(luis, "session-screen-phone-dark");
  await ada.getByRole("button", { name: "Stop sharing" }).click();
  await expect(screen).toHaveCount(0);

  await luis.getByRole("button", { name: "Mute the microphone" }).click();
  await expect(ada.locator('.tile:not([data-local]) [aria-label="Muted"]')).toBeVisible();
  await luis.getByRole("button", { name: "Turn the camera off" }).click();
  await expect(ada.getByText("Luis Prado · camera off")).toBeVisible();
  await luis.getByRole("button", { name: "Leave" }).click();
  await expect(luis.getByRole("heading", { name: "You have left" })).toBeVisible();
  await expect(ada.locator(".tile")).toHaveCount(1);

  const lobby = await ada.context().newPage();
  await enter(lobby, link, "Ada Obi");
  await expect(lobby.getByText("Big questions").first()).toBeVisible();
});

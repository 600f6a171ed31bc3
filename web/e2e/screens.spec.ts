/** Every screen that needs no media, in both themes, from phone to wall: accessible, and without sideways scrolling. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { addTitled, makeEvent } from "./organiser";

let dais: Dais;
let browser: Browser;
let eventAddress: string;

test.beforeAll(async () => {
  dais = await startDais("screens");
  browser = await openBrowser();
});

test.afterAll(async () => {
  await browser?.close();
  await dais?.stop();
});

const SIZES = [
  { name: "phone", width: 360, height: 740 },
  { name: "tablet", width: 768, height: 1024 },
  { name: "desktop", width: 1440, height: 900 },
  { name: "wall", width: 2560, height: 1440 },
] as const;

/** Everything that the screen waited for is there, and drawn in its font. */
async function settled(page: Page): Promise<void> {
  await expect(page.locator(".skeleton")).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready);
}

interface Look {
  scheme: "light" | "dark";
  size: (typeof SIZES)[number];
}

async function expectToFit(page: Page, screens: Record<string, string>, { scheme, size }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize(size);
  for (const [name, address] of Object.entries(screens)) {
    await page.goto(address);
    await expect(page.locator("#content")).toBeVisible();
    await settled(page);
    await picture(page, `${name}-${size.name}-${scheme}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${name} at ${size.width} px`).toBeLessThanOrEqual(0);
    if (size.name === "phone" || size.name === "desktop") await expectAccessible(page, `${name}, ${size.name}, ${scheme}`);
  }
}

test("screens are accessible and fit in both themes and all sizes", async () => {
  test.slow();
  const page = await openPage(browser);
  await page.goto(dais.signInLink);
  await expect(page.getByText("Your first event")).toBeVisible();
  await expectAccessible(page, "no events");
  await makeEvent(page, "A rather long name of an event, to see whether it fits on a phone");
  const setup = page.url();
  await addTitled(page, "Add a stage", "Main stage");
  await addTitled(page, "Add a session", "Big questions");
  const attendee = (await page.locator("code").first().textContent()) ?? "";
  eventAddress = attendee;
  const control = new URL((await page.getByRole("link", { name: "Control room" }).getAttribute("href")) ?? "", dais.url).href;
  const stage = `${attendee}/stages/${control.split("/").pop()}`;
  const session = new URL((await page.getByRole("link", { name: "Enter" }).getAttribute("href")) ?? "", dais.url).href;
  const screens = { events: `${dais.url}/events`, setup, replays: `${setup}/replays`, control, reception: attendee, stage, check: session, "replay-list": `${attendee}/replays`, nothing: `${dais.url}/nothing-here` };
  const looks = (["light", "dark"] as const).flatMap((scheme) => SIZES.map((size) => ({ scheme, size })));
  const storageState = await page.context().storageState();
  // Two pages at a time: one draws while the other waits.
  const look = async () => {
    const sized = await openPage(browser, { storageState });
    for (let next = looks.shift(); next; next = looks.shift()) await expectToFit(sized, screens, next);
    await sized.context().close();
  };
  await Promise.all([look(), look()]);
});

test("a person whose entry has expired is asked for their name again", async () => {
  const person = await openPage(browser);
  await person.goto(eventAddress);
  await person.getByLabel("Your name").fill("Sana Noor");
  await person.getByRole("button", { name: "Enter" }).click();
  await expect(person.getByRole("heading", { level: 1 })).toContainText("Sana Noor");
  await person.evaluate(() => {
    const key = Object.keys(sessionStorage).find((name) => name.startsWith("dais.experience.")) ?? "";
    sessionStorage.setItem(key, (sessionStorage.getItem(key) ?? "").replace(/"token":"[^"]*"/, '"token":"expired"'));
  });
  await person.reload();
  await expect(person.getByLabel("Your name")).toBeVisible();
});

test("the sign-in form says what is wrong", async () => {
  const page = await openPage(browser);
  await page.goto(`${dais.url}/sign-in`);
  await expectAccessible(page, "sign-in");
  await page.getByLabel("Email").fill("nobody@example.org");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("not right");
});

test("a screen is usable by keyboard alone", async () => {
  const page = await openPage(browser);
  await page.goto(`${dais.url}/sign-in`);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  expect(outline).toBe("solid");
});

/** The chat of a session: two people who only watch write to each other, by keyboard, at desktop and phone size. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { addTitled, makeEvent } from "./organiser";

let dais: Dais;
let browser: Browser;

test.beforeAll(async () => {
  [dais, browser] = await Promise.all([startDais("chat"), openBrowser()]);
});

test.afterAll(async () => {
  await browser?.close();
  await dais?.stop();
});

async function watch(page: Page, session: string, name: string): Promise<void> {
  await page.goto(session);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(page.getByTestId("call")).toBeVisible({ timeout: 30_000 });
}

test("people in a session write to each other", async () => {
  const organiser = await openPage(browser);
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Talking day");
  await addTitled(organiser, "Add a session", "Big questions");
  const session = new URL((await organiser.getByRole("link", { name: "Enter" }).getAttribute("href")) ?? "", dais.url).href;
  const ada = await openPage(browser);
  const luis = await openPage(browser, { viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true });
  await watch(ada, session, "Ada Obi");
  await watch(luis, session, "Luis Prado");
  await expect(ada.getByText("2 watching")).toBeVisible();

  await ada.getByRole("button", { name: "Chat" }).press("Enter");
  const field = ada.getByLabel("Write to everybody");
  await expect(field).toBeFocused();
  await expect(ada.getByText("No messages yet.")).toBeVisible();
  await picture(ada, "chat-empty");
  await expectAccessible(ada, "empty chat");
  const requests: string[] = [];
  for (const page of [ada, luis]) page.on("request", (request) => requests.push(request.url()));
  await ada.keyboard.type("Slides: https://elsewhere.example/a.png <b>now</b>");
  await ada.keyboard.press("Shift+Enter");
  await ada.keyboard.type("and a second line");
  await ada.keyboard.press("Enter");
  await expect(field).toHaveValue("");

  // The other one sees a count first, then the words as they were written.
  const button = luis.getByRole("button", { name: "Chat, 1 new message" });
  await expect(button).toBeVisible();
  await picture(luis, "chat-unread-phone");
  await button.click();
  await expect(luis.getByText("Slides: https://elsewhere.example/a.png <b>now</b>\nand a second line")).toBeVisible();
  await expect(luis.getByTestId("chat").getByText("Ada Obi")).toBeVisible();
  await expect(luis.getByTestId("chat").locator("a, b:has-text('now'), img")).toHaveCount(0);
  await luis.getByLabel("Write to everybody").fill("Thank you!");
  await luis.getByRole("button", { name: "Send" }).click();
  await expect(ada.getByText("Thank you!")).toBeVisible();
  await picture(ada, "chat");
  await picture(luis, "chat-phone");
  await expectAccessible(ada, "chat");
  await expectAccessible(luis, "chat on a phone");
  expect(requests.filter((url) => url.includes("elsewhere"))).toEqual([]);

  await ada.keyboard.press("Escape");
  await expect(ada.getByTestId("chat")).toHaveCount(0);
  await expect(ada.getByRole("button", { name: "Chat" })).toBeFocused();
});

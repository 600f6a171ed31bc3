/** Parts of an event in another site's page: their own styles, the token from the attribute, no cookies. */
import { type Browser, expect, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { playing } from "./embedded";
import { type LiveDouble, startLiveDouble } from "./live-double";
import { addTitled, makeEvent } from "./organiser";
import { enterOpenEvent, type OtherSite, startOtherSite } from "./other-site";

test.describe.configure({ mode: "serial" });

let dais: Dais;
let live: LiveDouble;
let browser: Browser;
const sites: OtherSite[] = [];
let slug: string;
let stage: string;
let session: string;

test.beforeAll(async () => {
  [dais, live, browser] = await Promise.all([startDais("embed"), startLiveDouble(), openBrowser()]);
  const organiser = await openPage(browser);
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Embedded day");
  await addTitled(organiser, "Add a stage", "Main stage");
  await addTitled(organiser, "Add a session", "Big questions");
  slug = ((await organiser.locator("code").first().textContent()) ?? "").split("/").pop() ?? "";
  stage = ((await organiser.getByRole("link", { name: "Control room" }).getAttribute("href")) ?? "").split("/").pop() ?? "";
  session = ((await organiser.getByRole("link", { name: "Enter" }).getAttribute("href")) ?? "").split("/").pop() ?? "";
  await organiser.context().close();
});

test.afterAll(async () => {
  await browser?.close();
  await Promise.all(sites.map((one) => one.stop()));
  await live?.stop();
  await dais?.stop();
});

async function site(name: string, attributes: string): Promise<string> {
  const made = await startOtherSite(`<p>Before.</p><script type="module" src="${dais.url}/embed/${name}.js"></script><${name} event="${slug}" ${attributes}></${name}>`);
  sites.push(made);
  return made.url;
}

test("a live stage plays in another site's page", async () => {
  const token = await enterOpenEvent(dais.url, slug, "Sana Noor");
  const page = await openPage(browser);
  const cookies: string[] = [];
  page.on("request", (request) => {
    if (request.headers()["cookie"]) cookies.push(request.url());
  });
  await page.route("**/api/v1/stages/*/join", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { role: "viewer", state: "live", hls_url: live.url, live_since: new Date().toISOString(), viewers: 3 } });
  });
  await page.goto(await site("dais-stage", `stage="${stage}" token="${token}"`));
  await expect.poll(async () => (await playing(page)).time, { timeout: 30_000 }).toBeGreaterThan(0);
  await expect(page.getByText("3 watching")).toBeVisible();
  await expectAccessible(page, "embedded stage");
  await picture(page, "embed-stage");
  expect(cookies).toEqual([]);
  expect(await page.title()).toBe("A blog");
  // Styles neither leak out nor in.
  expect(await page.evaluate(() => document.styleSheets.length)).toBe(1);
  expect(await page.getByText("Before.").evaluate((text) => getComputedStyle(text).color)).toBe("rgb(200, 0, 0)");
});

test("an embedded reception tells the page which place was chosen", async () => {
  const token = await enterOpenEvent(dais.url, slug, "Sana Noor");
  const page = await openPage(browser);
  await page.goto(await site("dais-reception", `token="${token}" theme="dark"`));
  await expect(page.getByRole("heading", { name: "Big questions" })).toBeVisible();
  await expectAccessible(page, "embedded reception");
  await picture(page, "embed-reception");
  const link = page.getByRole("link", { name: "Open", exact: true }).first();
  expect(await link.getAttribute("href")).toBe(`${dais.url}/e/${slug}/stages/${stage}`);
  await page.evaluate(() => {
    document.addEventListener("dais-open", (event) => {
      event.preventDefault();
      Object.assign(window, { opened: (event as CustomEvent<{ url: string }>).detail.url });
    });
  });
  await link.click();
  expect(await page.evaluate(() => (window as { opened?: string }).opened)).toBe(`${dais.url}/e/${slug}/stages/${stage}`);
});

test("without a token the viewer of an open event enters with a name", async () => {
  const page = await openPage(browser);
  await page.goto(await site("dais-session", `session="${session}"`));
  await page.getByLabel("Your name").fill("Tom Brandt");
  await page.getByRole("button", { name: "Enter" }).click();
  await expect(page.getByTestId("mic-meter")).toBeVisible();
  await expectAccessible(page, "embedded session");
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(page.getByTestId("call")).toBeVisible({ timeout: 30_000 });
  await page.getByRole("button", { name: "Devices" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await picture(page, "embed-session");
});

test("a token that is refused is said to the page and to the viewer", async () => {
  const page = await openPage(browser);
  await page.addInitScript(() => document.addEventListener("dais-refused", () => Object.assign(window, { refused: true })));
  await page.goto(await site("dais-stage", `stage="${stage}" token="not-a-token"`));
  await expect(page.getByText("That did not work")).toBeVisible();
  expect(await page.evaluate(() => (window as { refused?: boolean }).refused)).toBe(true);
});

/** A browser upload through presigned addresses goes on after a reload. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { openBrowser, openPage, picture } from "./browsers";
import { type Dais, startDais } from "./dais";
import { playing as embedded } from "./embedded";
import { makeEvent } from "./organiser";
import { enterOpenEvent, startOtherSite } from "./other-site";
import { playing } from "./rtc";

test.describe.configure({ mode: "serial" });

let dais: Dais;
let browser: Browser;
let page: Page;
let folder: string;

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dais-upload-"));
  dais = await startDais("upload");
  browser = await openBrowser();
  page = await openPage(browser);
});

test.afterAll(async () => {
  await browser?.close();
  await dais?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A real video, larger than several parts: noise does not compress. */
function bigVideo(): string {
  const path = join(folder, "talk.mp4");
  const args = ["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "nullsrc=s=640x360:r=25:d=20,geq=random(1)*255:128:128", "-f", "lavfi", "-i", "sine=440:d=20"];
  execFileSync("ffmpeg", [...args, "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "14M", "-pix_fmt", "yuv420p", "-c:a", "aac", path]);
  return path;
}

function partNumber(url: string): string | undefined {
  return new URL(url).searchParams.get("partNumber") ?? undefined;
}

test("an upload resumes after a reload and becomes a replay that plays", async () => {
  const file = bigVideo();
  await page.goto(dais.signInLink);
  await makeEvent(page, "Upload day");
  await page.getByRole("link", { name: "Replays" }).click();
  await expect(page.getByTestId("upload")).toHaveAttribute("data-state", "idle");
  await expectAccessible(page, "replays");

  // One part passes, the others hang: then the page is reloaded.
  let passed: string | undefined;
  await page.context().route("**/*partNumber=*", async (route) => {
    if (passed !== undefined) return;
    passed = partNumber(route.request().url());
    await route.continue();
  });
  const firstPart = page.waitForResponse((response) => response.request().method() === "PUT" && response.url().includes("partNumber="));
  await page.getByLabel("Choose a file").setInputFiles(file);
  await firstPart;
  await expect(page.getByTestId("upload")).toHaveAttribute("data-state", "sending");
  // In this order: no other part gets through before the page is gone.
  await page.reload();
  await page.context().unrouteAll({ behavior: "ignoreErrors" });
  await expect(page.getByTestId("upload")).toHaveAttribute("data-state", "paused");
  await expect(page.getByText("is not finished")).toBeVisible();
  await picture(page, "upload-paused");
  await expectAccessible(page, "paused upload");

  // Another file is refused; the same file goes on with the parts that are missing.
  const other = join(folder, "other.mp4");
  await (await open(other, "w")).close();
  await page.getByLabel("Choose a file").setInputFiles(other);
  await expect(page.getByText("another file")).toBeVisible();
  const numbers: string[] = [];
  page.on("request", (request) => {
    const number = partNumber(request.url());
    if (request.method() === "PUT" && number) numbers.push(number);
  });
  await page.getByLabel("Choose a file").setInputFiles(file);
  await expect(page.getByTestId("upload")).toHaveAttribute("data-state", "arrived", { timeout: 120_000 });
  expect(["1", "2", "3"].filter((number) => number !== passed)).toEqual(numbers.toSorted());

  const replay = page.getByTestId("replay").first();
  await expect(replay).toHaveAttribute("data-state", "ready", { timeout: 150_000 });
  await replay.getByRole("link", { name: "Watch" }).click();
  await expect.poll(async () => (await playing(page)).time, { timeout: 60_000 }).toBeGreaterThan(0);
});

test("the replay plays in another site's page", async () => {
  const [, , slug = "", , replay = ""] = new URL(page.url()).pathname.split("/");
  const token = await enterOpenEvent(dais.url, slug, "Sana Noor");
  const site = await startOtherSite(`<script type="module" src="${dais.url}/embed/dais-replay.js"></script><dais-replay event="${slug}" replay="${replay}" token="${token}"></dais-replay>`);
  const blog = await openPage(browser);
  try {
    await blog.goto(site.url);
    await expect.poll(async () => (await embedded(blog)).time, { timeout: 60_000 }).toBeGreaterThan(0);
    expect((await embedded(blog)).width).toBeGreaterThan(0);
  } finally {
    await blog.context().close();
    await site.stop();
  }
});

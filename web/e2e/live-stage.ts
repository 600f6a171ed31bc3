/** A stage whose live picture is a double's, and pages that are about to see it. */
import type { Browser, Page } from "@playwright/test";
import { openBrowser, openPage } from "./browsers";
import { type Dais, startDais } from "./dais";
import { type LiveDouble, startLiveDouble } from "./live-double";
import { addTitled, makeEvent } from "./organiser";

export interface LiveStage {
  live: LiveDouble;
  /** Of the stream's address, as the stage's state says it. */
  query: string;
  viewerPage: () => Promise<Page>;
  enter: (viewer: Page) => Promise<void>;
  stop: () => Promise<void>;
}

/** Answers with the stage's address for attendees. */
async function makeStage(dais: Dais, browser: Browser): Promise<string> {
  const organiser = await openPage(browser);
  await organiser.goto(dais.signInLink);
  await makeEvent(organiser, "Player day");
  await addTitled(organiser, "Add a stage", "Main stage");
  const event = (await organiser.locator("code").first().textContent()) ?? "";
  const control = (await organiser.getByRole("link", { name: "Control room" }).getAttribute("href")) ?? "";
  return `${event}/stages/${control.split("/").pop()}`;
}

/** `name` tells the logs of several servers apart. */
export async function startLiveStage(name: string): Promise<LiveStage> {
  const [dais, live, browser] = await Promise.all([startDais(name), startLiveDouble(), openBrowser()]);
  const stop = async () => {
    await browser.close();
    await live.stop();
    await dais.stop();
  };
  const address = await makeStage(dais, browser).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const stage: LiveStage = {
    live,
    query: "",
    viewerPage: async () => {
      const viewer = await openPage(browser);
      await viewer.route("**/api/v1/stages/*/join", (route) => route.fulfill({ json: { role: "viewer", state: "live", hls_url: live.url + stage.query, live_since: new Date().toISOString(), viewers: 3 } }));
      return viewer;
    },
    enter: async (viewer) => {
      await viewer.goto(address);
      await viewer.getByLabel("Your name").fill("Sana Noor");
      await viewer.getByRole("button", { name: "Enter" }).click();
    },
    stop,
  };
  return stage;
}

/** A call over a path that loses 5 % of all datagrams in both directions, in Chromium and in Firefox. */
import { expect, type Page, test } from "@playwright/test";
import { needAddress } from "./addresses";
import { type Bridge, crossBridge, freePort, startBridge } from "./bridge";
import { openBrowser, openPage } from "./browsers";
import { type CallPage, joinCall, PATIENCE } from "./call";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { openFirefox } from "./firefox";
import { received } from "./rtc";

let dais: Dais;
let bridge: Bridge;
let ports: { media: number; bridge: number };
let dropAddress: () => void = () => undefined;
const browsers: { close: () => Promise<void> }[] = [];

test.beforeAll(async () => {
  dropAddress = needAddress();
  const media = await freePort();
  dais = await startDais("paths", { media: "default", mediaPort: media });
  bridge = await startBridge(media, "2");
  ports = { media, bridge: bridge.port };
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await bridge?.stop();
  await dais?.stop();
  dropAddress();
});

async function chromiumPage(identity: "ada" | "luis"): Promise<Page> {
  const browser = await openBrowser(fakeDevices(identity));
  browsers.push(browser);
  return await openPage(browser);
}

const BY_BRIDGE: Record<string, () => Promise<CallPage>> = {
  Chromium: async () => {
    const page = await chromiumPage("luis");
    await page.addInitScript(crossBridge, ports);
    return page;
  },
  Firefox: async () => {
    const firefox = await openFirefox();
    browsers.push(firefox);
    await firefox.page.evaluateOnNewDocument(crossBridge, ports);
    return firefox.page as unknown as Page;
  },
};

interface Repairs {
  nacks: number;
  keyframeRequests: number;
}

/** What a page asked for to repair its picture. */
function repairs(page: CallPage): Promise<Repairs> {
  return page.evaluate(async () => {
    const sum = { nacks: 0, keyframeRequests: 0 };
    for (const connection of window.keptConnections) {
      for (const stat of (await connection.getStats()).values()) {
        if (stat.type !== "inbound-rtp" || stat.kind !== "video") continue;
        sum.nacks += stat.nackCount ?? 0;
        sum.keyframeRequests += stat.pliCount ?? 0;
      }
    }
    return sum;
  });
}

for (const [name, open] of Object.entries(BY_BRIDGE)) {
  test(`what is lost of a picture is repaired towards ${name} and from there, without keyframes`, async () => {
    const ada = await joinCall(await chromiumPage("ada"), dais.url, dais.token(name, "ada"), true);
    const luis = await joinCall(await open(), dais.url, dais.token(name, "luis"), true);
    for (const page of [ada, luis]) await expect.poll(async () => (await received(page)).frames, PATIENCE).toBeGreaterThan(200);
    for (const page of [ada, luis]) {
      const { nacks, keyframeRequests } = await repairs(page);
      expect(nacks).toBeGreaterThan(0);
      // One when it begins; without repairs it would be several a second.
      expect(keyframeRequests).toBeLessThanOrEqual(3);
    }
    await Promise.all([ada, luis].map((page) => page.evaluate(() => window.room.disconnect())));
  });
}

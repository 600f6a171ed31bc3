/** A call that is encrypted end to end: the server forwards, repairs and switches what it cannot read. */
import { expect, type Page, test } from "@playwright/test";
import { openBrowser, openPage } from "./browsers";
import { expectLayers, expectToReceive, joinCall, PATIENCE } from "./call";
import { type Dais, startDais } from "./dais";
import { fakeDevices } from "./devices";
import { received } from "./rtc";

let dais: Dais;
const browsers: { close: () => Promise<void> }[] = [];

test.beforeAll(async () => {
  dais = await startDais("encrypted");
});

test.afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await dais?.stop();
});

async function join(identity: string, speaker: "ada" | "luis", passphrase: string): Promise<Page> {
  const browser = await openBrowser(fakeDevices(speaker));
  browsers.push(browser);
  return joinCall(await openPage(browser), dais.url, dais.token("private", identity), true, passphrase);
}

test("who has the key sees and hears the others, small and large, and who has not sees nothing", async () => {
  const ada = await join("ada", "ada", "a passphrase");
  const luis = await join("luis", "luis", "a passphrase");
  for (const page of [ada, luis]) await expectToReceive(page);
  await expectLayers(ada);
  const eve = await join("eve", "luis", "another passphrase");
  const packets = () =>
    eve.evaluate(async () => {
      const stats = await Promise.all(window.keptConnections.map((connection) => connection.getStats()));
      const all = stats.flatMap((one) => [...one.values()]);
      return all.reduce((sum, stat) => sum + (stat.type === "inbound-rtp" && stat.kind === "video" ? stat.packetsReceived : 0), 0);
    });
  await expect.poll(packets, PATIENCE).toBeGreaterThan(500);
  expect((await received(eve)).frames).toBe(0);
});

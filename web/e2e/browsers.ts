/** Browsers of the people in a test. Chromium's fake devices hold for a whole process: one process per speaker. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "@playwright/test";
import type { FakeDevices } from "./devices";

const SCREENS = fileURLToPath(new URL("../test-results/screens", import.meta.url));

const FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];

export function openBrowser(devices?: FakeDevices): Promise<Browser> {
  const files = devices ? [`--use-file-for-fake-video-capture=${devices.camera}`, `--use-file-for-fake-audio-capture=${devices.microphone}`] : [];
  return chromium.launch({ executablePath: process.env["DAIS_CHROMIUM"] ?? "/usr/bin/chromium", args: [...FLAGS, ...files] });
}

/** Keeps every peer connection where the test finds it; runs in the page before its own scripts. */
export function keepConnections(): void {
  const kept: RTCPeerConnection[] = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = new Proxy(Original, {
    construct(target, args, newTarget) {
      const connection = Reflect.construct(target, args, newTarget) as RTCPeerConnection;
      kept.push(connection);
      return connection;
    },
  });
  Object.assign(window, { keptConnections: kept });
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", colorScheme: "light", ...options });
  await context.addInitScript(keepConnections);
  return context.newPage();
}

/** Keeps a picture of the screen to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENS, { recursive: true });
  await page.screenshot({ path: join(SCREENS, `${name}.png`), animations: "disabled" });
}

/** Firefox as a person's browser, driven over WebDriver BiDi: a second WebRTC implementation than Chromium's. */
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { keepConnections } from "./browsers";

/**
 * A camera and a microphone without hardware, allowed without a dialog. Everything that decides about networks stays
 * as people have it: Firefox never uses a 127.0.0.1 candidate, so the server has to offer another address.
 */
const FAKE_DEVICES = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true };

export interface Firefox {
  page: Page;
  close: () => Promise<void>;
}

export async function openFirefox(): Promise<Firefox> {
  const executablePath = process.env["DAIS_FIREFOX"] ?? "/usr/bin/firefox-esr";
  const browser: Browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true, extraPrefsFirefox: FAKE_DEVICES });
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluateOnNewDocument(keepConnections);
  return { page, close: () => browser.close() };
}

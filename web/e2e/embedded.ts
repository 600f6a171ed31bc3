/** The player inside a custom element's shadow root. */
import type { Page } from "@playwright/test";

/** Seconds of the picture that the first embedded part shows. */
export function playing(page: Page): Promise<{ time: number; width: number }> {
  return page.locator("hls-video").evaluateAll((found) => {
    const video = (found[0] as (HTMLElement & { nativeEl?: HTMLVideoElement }) | undefined)?.nativeEl;
    return { time: video?.currentTime ?? 0, width: video?.videoWidth ?? 0 };
  });
}

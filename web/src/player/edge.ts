/** The live edge: where it is, and whether the viewer is there. */
import type { HlsVideoElement } from "hls-video-element";

/** Seconds behind the place that live viewers are held at, which still count as live: one segment and its arrival. */
const STILL_LIVE = 4;

/** Whether a viewer at `time` sees what everybody else sees now. Seconds on the media's clock. */
export function isAtEdge(time: number, edge: number): boolean {
  return time >= edge - STILL_LIVE;
}

/** Where live viewers are held, in seconds on the media's clock: some segments before the end, so that one may be late. */
export function liveEdge(element: HlsVideoElement): number {
  const { seekable } = element;
  return element.api?.liveSyncPosition ?? (seekable.length > 0 ? seekable.end(seekable.length - 1) : 0);
}

export function goLive(element: HlsVideoElement): void {
  element.currentTime = liveEdge(element);
  void element.play().catch(() => undefined);
}

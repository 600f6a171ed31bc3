/** Whether the picture has stopped by itself, and the picture that it stopped at. */
import type { HlsVideoElement } from "hls-video-element";
import { useCallback, useEffect, useState } from "react";

/** A shorter wait is not worth a word. */
const SAY_AFTER_MS = 1000;

/** True while playing waits for data that does not come; a seek is a wait that the viewer asked for. */
export function useStalled(element: HlsVideoElement | null): boolean {
  const [stalled, setStalled] = useState(false);
  useEffect(() => {
    if (!element) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      clearTimeout(timer);
      if (element.seeking || element.currentTime === 0) return;
      timer = setTimeout(() => setStalled(true), SAY_AFTER_MS);
    };
    const go = () => {
      clearTimeout(timer);
      setStalled(false);
    };
    const ends = ["playing", "pause", "seeking", "ended"] as const;
    element.addEventListener("waiting", wait);
    for (const event of ends) element.addEventListener(event, go);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("waiting", wait);
      for (const event of ends) element.removeEventListener(event, go);
    };
  }, [element]);
  return stalled;
}

/**
 * Draws the picture of this moment on `canvas`, over the video, until the video shows the next one. For the time in
 * which the stream is taken off the video, which would turn black.
 */
export function useLastPicture(element: HlsVideoElement | null, canvas: HTMLCanvasElement | null): () => void {
  useEffect(() => {
    if (!element || !canvas) return undefined;
    const drop = () => {
      canvas.hidden = true;
    };
    element.addEventListener("timeupdate", drop);
    return () => element.removeEventListener("timeupdate", drop);
  }, [element, canvas]);
  return useCallback(() => {
    const video = element?.nativeEl;
    if (!video || !canvas || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.hidden = false;
  }, [element, canvas]);
}

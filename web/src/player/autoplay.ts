/** Starts playing as loudly as the browser allows: with sound, else muted. */
import type { HlsVideoElement } from "hls-video-element";
import { useCallback, useEffect, useState } from "react";

/** Whether the browser refused sound, and how the viewer turns it on. */
export interface Sound {
  refused: boolean;
  turnOn: () => void;
}

export function useAutoplay(element: HlsVideoElement | null, wanted: boolean): Sound {
  const [refused, setRefused] = useState(false);
  useEffect(() => {
    if (!element || !wanted) return undefined;
    const start = () => {
      element.play().catch(async (error: unknown) => {
        if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
        element.muted = true;
        setRefused(true);
        await element.play().catch(() => undefined);
      });
    };
    // On a busy machine the metadata may be there before this effect runs.
    if (element.readyState >= HTMLMediaElement.HAVE_METADATA) start();
    else element.addEventListener("loadedmetadata", start, { once: true });
    const onVolume = () => {
      if (!element.muted) setRefused(false);
    };
    element.addEventListener("volumechange", onVolume);
    return () => {
      element.removeEventListener("loadedmetadata", start);
      element.removeEventListener("volumechange", onVolume);
    };
  }, [element, wanted]);
  const turnOn = useCallback(() => {
    if (!element) return;
    element.muted = false;
    setRefused(false);
    void element.play().catch(() => undefined);
  }, [element]);
  return { refused, turnOn };
}

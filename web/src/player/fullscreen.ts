/** The player over the whole screen. */
import type { HlsVideoElement } from "hls-video-element";
import { useCallback, useEffect, useState } from "react";

/** iPhones show only the bare picture over the whole screen. */
type PhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

/** Inside a shadow root the document names only its host. */
function shown(box: HTMLElement): boolean {
  const root = box.getRootNode();
  return (root instanceof ShadowRoot || root instanceof Document ? root.fullscreenElement : null) === box;
}

export function useFullscreen(box: HTMLElement | null, element: HlsVideoElement | null): { full: boolean; toggle: () => void } {
  const [full, setFull] = useState(false);
  useEffect(() => {
    if (!box) return undefined;
    const update = () => setFull(shown(box));
    box.addEventListener("fullscreenchange", update);
    return () => box.removeEventListener("fullscreenchange", update);
  }, [box]);
  const toggle = useCallback(() => {
    if (!box) return;
    if (shown(box)) void document.exitFullscreen();
    else if (document.fullscreenEnabled) void box.requestFullscreen().catch(() => undefined);
    else (element?.nativeEl as PhoneVideo | null)?.webkitEnterFullscreen?.();
  }, [box, element]);
  return { full, toggle };
}

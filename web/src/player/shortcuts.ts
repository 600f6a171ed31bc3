/** Carries out the keys that are pressed on the player. */
import type { HlsVideoElement } from "hls-video-element";
import { useEffect, useEffectEvent } from "react";
import { seekBy, STEP, toggle } from "./controls";
import { commandOf } from "./keys";

export function useShortcuts(box: HTMLElement | null, element: HlsVideoElement | null, actions: { captions: () => void; fullscreen: () => void }): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const command = commandOf(event);
    if (!command || !element) return;
    event.preventDefault();
    switch (command) {
      case "toggle":
        toggle(element);
        return;
      case "mute":
        element.muted = !element.muted;
        return;
      case "back":
        seekBy(element, -STEP);
        return;
      case "forward":
        seekBy(element, STEP);
        return;
      case "captions":
        actions.captions();
        return;
      case "fullscreen":
        actions.fullscreen();
        return;
    }
  });
  useEffect(() => {
    if (!box) return undefined;
    const listen = (event: KeyboardEvent) => onKey(event);
    box.addEventListener("keydown", listen);
    return () => box.removeEventListener("keydown", listen);
  }, [box]);
}

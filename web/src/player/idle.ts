/** Whether the viewer only watches: then the controls make room for the picture. */
import { useEffect, useState } from "react";

/** Long enough to find a button, short enough not to cover the picture. */
const REST_MS = 2500;

const ACTIVITY = ["pointermove", "pointerdown", "keydown", "focusin"] as const;

export function useIdle(box: HTMLElement | null, playing: boolean): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    if (!box || !playing) {
      setIdle(false);
      return undefined;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const rest = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setIdle(true), REST_MS);
    };
    const wake = () => {
      setIdle(false);
      rest();
    };
    const leave = () => setIdle(true);
    rest();
    for (const event of ACTIVITY) box.addEventListener(event, wake);
    box.addEventListener("pointerleave", leave);
    return () => {
      clearTimeout(timer);
      for (const event of ACTIVITY) box.removeEventListener(event, wake);
      box.removeEventListener("pointerleave", leave);
    };
  }, [box, playing]);
  return idle;
}

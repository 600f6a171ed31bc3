/** Loads the bundle of a screen as soon as somebody points at a link to it, so that it opens at once. */
import { matchPath } from "react-router";
import { screens } from "./screens";

function screenOf(target: EventTarget | null): (() => Promise<unknown>) | undefined {
  const link = target instanceof Element ? target.closest<HTMLAnchorElement>("a[href]") : null;
  if (!link || link.origin !== window.location.origin) return undefined;
  return screens.find(({ path }) => matchPath(path, link.pathname))?.load;
}

/** Pointing, touching and tabbing to a link all announce that it may be opened. */
const INTENTS = ["pointerover", "touchstart", "focusin"] as const;

export function prefetchOnIntent(): void {
  // A bundle that does not come now is asked for again when the link is really opened.
  const listen = (event: Event) => void screenOf(event.target)?.().catch(() => undefined);
  for (const intent of INTENTS) document.addEventListener(intent, listen, { passive: true });
}

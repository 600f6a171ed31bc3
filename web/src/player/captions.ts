/** Captions in large, calm type, above the controls. The browser still draws and places them. */
import type { HlsVideoElement } from "hls-video-element";
import { useEffect, useRef } from "react";
import type { Captions } from "./tracks";

/** Lines of captions that the control bar covers at the bottom of the picture. */
const COVERED_LINES = 3;

/** hls.js writes -1 where a file says nothing. */
const UNPLACED: ReadonlySet<VTTCue["line"]> = new Set<VTTCue["line"]>(["auto", -1]);

const STYLE = `video::cue {
  font: 500 max(16px, 0.72em) "Inter Variable", system-ui, sans-serif;
  color: #fff;
  background: rgb(8 9 12 / 0.78);
}`;

/** Moves cues that leave their place to the player; those that a captioner placed stay. */
function raise(track: TextTrack): void {
  const active = new Set(track.activeCues ?? []);
  for (const cue of Array.from(track.cues ?? [])) {
    if (!(cue instanceof VTTCue) || !UNPLACED.has(cue.line)) continue;
    cue.line = -(COVERED_LINES + cue.text.split("\n").length);
    if (!active.has(cue)) continue;
    // A cue that is shown already moves only when it is shown anew.
    track.removeCue(cue);
    track.addCue(cue);
  }
}

/** `silent`: the sound is off, so the first captions that appear are shown, once. */
export function useCaptions(element: HlsVideoElement | null, captions: Captions, silent: boolean): void {
  const { tracks, show } = captions;
  const shown = useRef(false);
  useEffect(() => {
    const [first] = tracks;
    if (!silent || shown.current || !first) return;
    shown.current = true;
    show(first.key);
  }, [silent, tracks, show]);
  useEffect(() => {
    const root = element?.shadowRoot;
    const list = element?.textTracks;
    if (!root || !list) return undefined;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    const onCues = (event: Event) => {
      if (event.currentTarget instanceof TextTrack) raise(event.currentTarget);
    };
    const watched = new Set<TextTrack>();
    const watch = () => {
      for (const track of list) {
        if (track.kind === "metadata" || watched.has(track)) continue;
        watched.add(track);
        track.addEventListener("cuechange", onCues);
      }
    };
    watch();
    list.addEventListener("addtrack", watch);
    return () => {
      list.removeEventListener("addtrack", watch);
      for (const track of watched) track.removeEventListener("cuechange", onCues);
      root.adoptedStyleSheets = root.adoptedStyleSheets.filter((one) => one !== sheet);
    };
  }, [element]);
}

/** The sizes that a stream comes in, and which one plays. */
import type { HlsVideoElement } from "hls-video-element";
import Hls from "hls.js";
import { useCallback, useEffect, useState } from "react";

/** Lets the player choose by bandwidth and size of the window. */
export const AUTO = -1;

export interface Quality {
  /** Heights in pixels, by hls.js's number of the level. Empty where the browser plays HLS itself. */
  heights: readonly number[];
  /** Chosen level, or `AUTO`. */
  chosen: number;
  /** Height that plays now. */
  playing: number | undefined;
  choose: (level: number) => void;
}

export function useQuality(element: HlsVideoElement | null, streaming: boolean): Quality {
  const [state, setState] = useState<Omit<Quality, "choose">>({ heights: [], chosen: AUTO, playing: undefined });
  const hls = streaming ? element?.api : undefined;
  useEffect(() => {
    if (!hls) return undefined;
    const update = () => setState({ heights: hls.levels.map((level) => level.height), chosen: hls.autoLevelEnabled ? AUTO : hls.nextLevel, playing: hls.levels[hls.currentLevel]?.height });
    update();
    const events = [Hls.Events.MANIFEST_PARSED, Hls.Events.LEVELS_UPDATED, Hls.Events.LEVEL_SWITCHED] as const;
    for (const event of events) hls.on(event, update);
    return () => {
      for (const event of events) hls.off(event, update);
    };
  }, [hls]);
  const choose = useCallback(
    (level: number) => {
      if (!hls) return;
      hls.nextLevel = level;
      setState((before) => ({ ...before, chosen: level }));
    },
    [hls],
  );
  return { ...state, choose };
}

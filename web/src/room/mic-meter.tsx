/** Shows that the microphone hears something. */
import { createAudioAnalyser, type LocalAudioTrack } from "livekit-client";
import { useEffect, useRef } from "react";
import { t } from "@/i18n";

/** Speech at arm's length reads about 0.4 on the analyser's scale; the bar is then two thirds full. */
const GAIN = 1.6;
const EVERY_MS = 60;

export function MicMeter({ track }: { track: LocalAudioTrack | undefined }) {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = bar.current;
    if (!element) return undefined;
    element.style.transform = "scaleX(0)";
    if (!track) return undefined;
    const { calculateVolume, cleanup } = createAudioAnalyser(track, { cloneTrack: true, minDecibels: -90, maxDecibels: -30 });
    const timer = setInterval(() => {
      element.style.transform = `scaleX(${Math.min(1, calculateVolume() * GAIN)})`;
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      void cleanup();
    };
  }, [track]);
  return (
    <div className="meter" role="img" aria-label={t("room.check.level")} data-testid="mic-meter">
      <i ref={bar} />
    </div>
  );
}

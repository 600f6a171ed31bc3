/** What a media element does now, as a snapshot that follows its events. */
import type { HlsVideoElement } from "hls-video-element";
import { useEffect, useState } from "react";

export interface MediaState {
  paused: boolean;
  seeking: boolean;
  muted: boolean;
  /** 0 to 1. */
  volume: number;
  rate: number;
  /** Seconds, on the media's own clock. */
  time: number;
  /** First and last second that can be played; of a live stream both move on. */
  start: number;
  end: number;
  /** Where the loaded part around `time` ends, in seconds. */
  loaded: number;
}

const EVENTS = [
  "durationchange",
  "emptied",
  "loadedmetadata",
  "pause",
  "play",
  "playing",
  "progress",
  "ratechange",
  "seeked",
  "seeking",
  "timeupdate",
  "volumechange",
] as const;

const NOTHING: MediaState = { paused: true, seeking: false, muted: false, volume: 1, rate: 1, time: 0, start: 0, end: 0, loaded: 0 };

function loadedUntil(ranges: TimeRanges, time: number): number {
  for (let index = 0; index < ranges.length; index += 1) if (ranges.start(index) <= time + 0.25 && ranges.end(index) >= time) return ranges.end(index);
  return time;
}

function read(element: HlsVideoElement): MediaState {
  const { seekable, currentTime: time } = element;
  const last = seekable.length - 1;
  return {
    paused: element.paused,
    seeking: element.seeking,
    muted: element.muted,
    volume: element.volume,
    rate: element.playbackRate,
    time,
    start: last >= 0 ? seekable.start(0) : 0,
    end: last >= 0 ? seekable.end(last) : 0,
    loaded: loadedUntil(element.buffered, time),
  };
}

export function useMedia(element: HlsVideoElement | null): MediaState {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    if (!element) return undefined;
    const update = () => setState(read(element));
    update();
    for (const event of EVENTS) element.addEventListener(event, update);
    return () => {
      for (const event of EVENTS) element.removeEventListener(event, update);
    };
  }, [element]);
  return state;
}

/** Small pictures of a replay by time: a WebVTT file whose cues point into sheets (`sheet.jpg#xywh=0,0,160,90`). */
import type { HlsVideoElement } from "hls-video-element";
import { useEffect, useState } from "react";

/** The label by which the storyboard's track is found among the captions. */
export const STORYBOARD = "thumbnails";

export interface Thumbnail {
  /** Address of the sheet. */
  url: string;
  /** The picture's rectangle on the sheet, in pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Reads a cue's text; `undefined` when it names no rectangle. Addresses are relative to `base`. */
export function thumbnailOf(text: string, base: string): Thumbnail | undefined {
  const match = /^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\s*$/.exec(text);
  const [, path, x, y, width, height] = match ?? [];
  if (path === undefined) return undefined;
  return { url: new URL(path, base).href, x: Number(x), y: Number(y), width: Number(width), height: Number(height) };
}

/** Finds the picture of a second. */
export function useStoryboard(element: HlsVideoElement | null, src: string | undefined): (time: number) => Thumbnail | undefined {
  const [track, setTrack] = useState<TextTrack>();
  useEffect(() => {
    const tracks = element?.textTracks;
    if (!tracks || !src) return undefined;
    const find = () => setTrack([...tracks].find((one) => one.label === STORYBOARD));
    find();
    tracks.addEventListener("addtrack", find);
    return () => tracks.removeEventListener("addtrack", find);
  }, [element, src]);
  return (time) => {
    const cue = [...(track?.cues ?? [])].find((one) => one.startTime <= time && time < one.endTime);
    return cue instanceof VTTCue && src ? thumbnailOf(cue.text, new URL(src, document.baseURI).href) : undefined;
  };
}

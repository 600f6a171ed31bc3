/** What a page's peer connections really carry, from WebRTC's own statistics. */
import type { Page } from "@playwright/test";

export interface Received {
  /** Frames decoded, over all incoming pictures. */
  frames: number;
  /** Energy of all incoming sound; grows only while something is heard. */
  energy: number;
  /** Width of the widest incoming picture. */
  width: number;
  /** Pictures of which a frame was decoded. */
  pictures: number;
}

declare global {
  interface Window {
    keptConnections: RTCPeerConnection[];
  }
}

/** A page of Playwright's or of Puppeteer's. */
export interface AnyPage {
  evaluate: <T>(run: () => Promise<T>) => Promise<T>;
}

export function received(page: AnyPage): Promise<Received> {
  return page.evaluate(async () => {
    const sum = { frames: 0, energy: 0, width: 0, pictures: 0 };
    for (const connection of window.keptConnections) {
      for (const stat of (await connection.getStats()).values()) {
        if (stat.type !== "inbound-rtp") continue;
        if (stat.kind === "video") {
          sum.frames += stat.framesDecoded ?? 0;
          sum.width = Math.max(sum.width, stat.frameWidth ?? 0);
          sum.pictures += stat.framesDecoded > 0 ? 1 : 0;
        } else {
          sum.energy += stat.totalAudioEnergy ?? 0;
        }
      }
    }
    return sum;
  });
}

/**
 * The formats in which a page sends its sound, `red` or `opus`: the first one of each section that the server takes sound in.
 * Chromium's statistics name Opus for both.
 */
export function soundFormats(page: AnyPage): Promise<string[]> {
  return page.evaluate(async () => {
    const descriptions = window.keptConnections.map(({ currentRemoteDescription }) => currentRemoteDescription?.sdp ?? "");
    const sections = descriptions.flatMap((sdp) => sdp.split("\r\nm=")).filter((section) => section.startsWith("audio ") && /^a=(recvonly|sendrecv)/m.test(section));
    return sections.map((section) => {
      const first = section.split(/[ \r]/)[3];
      return new RegExp(`a=rtpmap:${first} ([^/]+)`).exec(section)?.[1] ?? "";
    });
  });
}

/** Packets that the far end confirms to have received, per simulcast layer of the camera. */
export function layersConfirmed(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const layers: Record<string, number> = {};
    for (const connection of window.keptConnections) {
      const stats = await connection.getStats();
      for (const stat of stats.values()) {
        if (stat.type !== "outbound-rtp" || stat.kind !== "video" || !stat.rid) continue;
        const confirmed = stat.remoteId ? stats.get(stat.remoteId) : undefined;
        // A receiver report of this very stream proves that the server got it.
        layers[stat.rid] = confirmed ? (stat.packetsSent ?? 0) : 0;
      }
    }
    return layers;
  });
}

/** Seconds of the picture that the HLS player shows, and whether it moves. */
export function playing(page: Page): Promise<{ time: number; paused: boolean; width: number; frames: number }> {
  return page.evaluate(() => {
    const media = document.querySelector("hls-video") as (HTMLElement & { nativeEl?: HTMLVideoElement }) | null;
    const video = media?.nativeEl;
    return { time: video?.currentTime ?? 0, paused: video?.paused ?? true, width: video?.videoWidth ?? 0, frames: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0 };
  });
}

/** A participant by livekit-client in a bare page: publishes small tracks, receives all others at full rate. */
import { AudioPresets, createLocalTracks, type LocalTrack, Room, Track, type TrackPublishOptions } from "livekit-client";

/** In JSON in the address's fragment. */
export interface Wish {
  url: string;
  token: string;
  /** `/rtc/v1` instead of `/rtc`. */
  singlePeerConnection: boolean;
}

/** A track as this participant has it. */
export interface Incoming {
  identity: string;
  name: string;
  kind: Track.Kind;
  /** Frames decoded of a picture, packets of a sound. */
  amount: number;
  /** Of the last picture. */
  width: number;
}

/** The last description that the server sent for one peer connection. */
export interface Negotiated {
  bytes: number;
  sections: number;
}

export interface PageParticipant {
  join: () => Promise<void>;
  /** By track id. */
  incoming: () => Promise<Record<string, Incoming>>;
  /** How many tracks it has of whom; asks for no statistics, as `incoming` does for every track. */
  trackCounts: () => Promise<Record<string, number>>;
  negotiated: () => Promise<Negotiated[]>;
}

declare global {
  interface Window {
    participant: PageParticipant;
  }
}

/** Twenty-five of these have to fit two cores. */
const CHEAP: TrackPublishOptions = { simulcast: false, videoEncoding: { maxBitrate: 30_000, maxFramerate: 5 }, audioPreset: AudioPresets.telephone, dtx: true, red: false };

let room: Room;

async function publish(): Promise<void> {
  const tracks = await createLocalTracks({ audio: true, video: { resolution: { width: 160, height: 90, frameRate: 5 } } });
  const one = (track: LocalTrack) => {
    const what = track.kind === Track.Kind.Video ? "camera" : "microphone";
    return room.localParticipant.publishTrack(track, { name: `${room.localParticipant.identity}-${what}`, ...CHEAP });
  };
  await Promise.all(tracks.map(one));
}

async function join(): Promise<void> {
  const { url, token, singlePeerConnection } = JSON.parse(decodeURIComponent(location.hash.slice(1))) as Wish;
  room = new Room({ singlePeerConnection, adaptiveStream: false, dynacast: false });
  await room.connect(url, token);
  await publish();
}

async function incoming(): Promise<Record<string, Incoming>> {
  const tracks: Record<string, Incoming> = {};
  for (const participant of room.remoteParticipants.values()) {
    for (const publication of participant.trackPublications.values()) {
      const stats = (await publication.track?.getRTCStatsReport())?.values() ?? [];
      const inbound = [...stats].find((stat) => stat.type === "inbound-rtp");
      const amount = publication.kind === Track.Kind.Video ? inbound?.framesDecoded : inbound?.packetsReceived;
      tracks[publication.trackSid] = { identity: participant.identity, name: publication.trackName, kind: publication.kind, amount: amount ?? 0, width: inbound?.frameWidth ?? 0 };
    }
  }
  return tracks;
}

async function trackCounts(): Promise<Record<string, number>> {
  return Object.fromEntries([...room.remoteParticipants].map(([identity, { trackPublications }]) => [identity, trackPublications.size]));
}

async function negotiated(): Promise<Negotiated[]> {
  const descriptions = window.keptConnections.map((connection) => connection.remoteDescription?.sdp ?? "");
  return descriptions.map((sdp) => ({ bytes: sdp.length, sections: sdp.match(/^m=/gm)?.length ?? 0 }));
}

window.participant = { join, incoming, trackCounts, negotiated };

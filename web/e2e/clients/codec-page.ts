/** One camera by livekit-client in a codec of the test's choice, and a viewer of it at a quality of its choice. */
import { createLocalVideoTrack, type RemoteTrackPublication, Room, type VideoCodec, VideoQuality } from "livekit-client";

/** In JSON in the address's fragment. */
export interface CodecWish {
  url: string;
  token: string;
  singlePeerConnection: boolean;
  /** Publishes; otherwise it only receives. */
  publish?: { codec: VideoCodec; backupCodec: boolean };
  /** A codec that its browser cannot receive, as `video/VP9`. */
  without?: string;
}

/** The picture as the viewer decodes it; zeros before the first frame. */
export interface Decoded {
  codec: string;
  width: number;
  frames: number;
  freezes: number;
  packetsLost: number;
}

/** A stream that the publisher sends. */
export interface Encoded {
  codec: string;
  scalabilityMode: string;
  frames: number;
}

export interface CodecPage {
  join: () => Promise<void>;
  want: (quality: "low" | "high") => void;
  decoded: () => Promise<Decoded>;
  encoded: () => Promise<Encoded[]>;
}

declare global {
  interface Window {
    codecs: CodecPage;
  }
}

/** From this width on there are three spatial layers. */
const RESOLUTION = { width: 960, height: 540, frameRate: 10 };

let room: Room;

/** Makes this page's browser one that lacks a codec. */
function forget(mimeType: string): void {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs.filter((codec) => codec.mimeType !== mimeType) ?? [];
  for (const method of ["createOffer", "createAnswer"] as const) {
    RTCPeerConnection.prototype[method] = new Proxy(RTCPeerConnection.prototype[method], {
      apply(target, connection: RTCPeerConnection, args) {
        const ofVideo = connection.getTransceivers().filter(({ receiver }) => receiver.track.kind === "video");
        for (const transceiver of ofVideo) transceiver.setCodecPreferences(codecs);
        return Reflect.apply(target, connection, args);
      },
    });
  }
}

async function join(): Promise<void> {
  const { url, token, singlePeerConnection, publish, without } = JSON.parse(decodeURIComponent(location.hash.slice(1))) as CodecWish;
  if (without) forget(without);
  room = new Room({ singlePeerConnection, adaptiveStream: false, dynacast: true });
  await room.connect(url, token);
  if (!publish) return;
  const track = await createLocalVideoTrack({ resolution: RESOLUTION });
  await room.localParticipant.publishTrack(track, { videoCodec: publish.codec, backupCodec: publish.backupCodec, videoEncoding: { maxBitrate: 900_000, maxFramerate: 10 } });
}

function received(): RemoteTrackPublication | undefined {
  return [...room.remoteParticipants.values()].flatMap((participant) => [...participant.trackPublications.values()])[0];
}

function want(quality: "low" | "high"): void {
  received()?.setVideoQuality(quality === "low" ? VideoQuality.LOW : VideoQuality.HIGH);
}

async function decoded(): Promise<Decoded> {
  const report = await received()?.track?.getRTCStatsReport();
  const stats = [...(report?.values() ?? [])];
  const inbound = stats.find((stat) => stat.type === "inbound-rtp");
  const codec = stats.find((stat) => stat.id === inbound?.codecId);
  return {
    codec: codec?.mimeType ?? "",
    width: inbound?.frameWidth ?? 0,
    frames: inbound?.framesDecoded ?? 0,
    freezes: inbound?.freezeCount ?? 0,
    packetsLost: inbound?.packetsLost ?? 0,
  };
}

async function encoded(): Promise<Encoded[]> {
  const reports = await Promise.all(window.keptConnections.map((connection) => connection.getStats()));
  const stats = reports.flatMap((report) => [...report.values()]);
  const outbound = stats.filter((stat) => stat.type === "outbound-rtp" && stat.kind === "video" && stat.active);
  return outbound.map((stat) => ({
    codec: stats.find((codec) => codec.id === stat.codecId)?.mimeType ?? "",
    scalabilityMode: stat.scalabilityMode ?? "",
    frames: stat.framesEncoded ?? 0,
  }));
}

window.codecs = { join, want, decoded, encoded };

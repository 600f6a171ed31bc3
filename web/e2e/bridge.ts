/** A bad path between browsers and the SFU: `sfu/sim/src/bin/bridge.rs` with a row of the impairment matrix. */
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { ownAddress } from "./addresses";
import { binaries } from "./dais";
import { Program } from "./programs";

export interface Bridge {
  port: number;
  stop: () => Promise<void>;
}

export async function startBridge(mediaPort: number, row: string): Promise<Bridge> {
  // The server tells each client from where it hears it, and Firefox believes in no loopback address.
  const program = new Program([join(binaries(), "bridge"), `${ownAddress() ?? "127.0.0.1"}:${mediaPort}`, row]);
  return { port: await program.until<number>("port"), stop: () => program.end() };
}

/** A UDP port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Sends a page's media by way of the bridge, and by no other; runs in the page before its own scripts. */
export function crossBridge(ports: { media: number; bridge: number }): void {
  const isTcp = (candidate: string) => /^(a=)?candidate:.* tcp /i.test(candidate);
  const moved = (candidate: string) => candidate.replace(new RegExp(`(candidate:.* udp \\d+ \\S+) ${ports.media} `, "i"), `$1 ${ports.bridge} `);
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super({ ...configuration, iceServers: [] });
    }

    override setRemoteDescription({ type, sdp = "" }: RTCSessionDescriptionInit): Promise<void> {
      const lines = sdp.split("\r\n").filter((line) => !isTcp(line));
      return super.setRemoteDescription({ type, sdp: lines.map(moved).join("\r\n") });
    }

    override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
      if (!candidate?.candidate) return super.addIceCandidate(candidate);
      if (!isTcp(candidate.candidate)) await super.addIceCandidate({ ...candidate, candidate: moved(candidate.candidate) });
    }
  };
}

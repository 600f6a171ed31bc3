/** A live stream without a mixer: prepared segments, named by a playlist that grows with the clock, and a network that a test can cut. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SEGMENT_S = 2;
/** Longer than the test. */
const LENGTH_S = 240;
/** What was there before the first viewer came. */
const AHEAD_S = 20;

const TYPES: Readonly<Record<string, string>> = { m3u8: "application/vnd.apple.mpegurl", m4s: "video/iso.segment", mp4: "video/mp4", vtt: "text/vtt" };

export interface LiveDouble {
  /** The multivariant playlist. */
  url: string;
  /** While cut, every request waits for an answer that does not come. */
  cut: () => void;
  mend: () => void;
  /** From now on only requests with one of these `token`s are answered. */
  admit: (...tokens: string[]) => void;
  stop: () => Promise<void>;
}

function encode(folder: string): void {
  const input = ["-f", "lavfi", "-i", `testsrc2=s=320x180:r=10:d=${LENGTH_S}`, "-f", "lavfi", "-i", `sine=330:d=${LENGTH_S}`];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-g", String(10 * SEGMENT_S), "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "48k"];
  const hls = ["-f", "hls", "-hls_time", String(SEGMENT_S), "-hls_segment_type", "fmp4", "-hls_playlist_type", "vod", "-hls_segment_filename", join(folder, "%d.m4s"), join(folder, "all.m3u8")];
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...input, ...codecs, ...hls]);
}

const MASTER = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="English",LANGUAGE="en",AUTOSELECT=YES,DEFAULT=NO,URI="captions.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=320x180,CODECS="avc1.42c00d,mp4a.40.2",SUBTITLES="captions"
video.m3u8
`;

function playlist(startedAt: number, lines: (segment: number) => string, head: string): string {
  const there = Math.floor((AHEAD_S + (Date.now() - startedAt) / 1000) / SEGMENT_S);
  const first = new Date(startedAt - AHEAD_S * 1000).toISOString();
  const body = Array.from({ length: there }, (_, segment) => `#EXTINF:${SEGMENT_S}.0,\n${lines(segment)}\n`).join("");
  return `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${SEGMENT_S}\n#EXT-X-MEDIA-SEQUENCE:0\n${head}#EXT-X-PROGRAM-DATE-TIME:${first}\n${body}`;
}

function cue(segment: number): string {
  const at = (seconds: number) => `00:${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}.000`;
  const start = segment * SEGMENT_S;
  return `WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n${at(start)} --> ${at(start + SEGMENT_S)}\nSentence ${segment}\n`;
}

/** As the origin does: the token that a playlist was asked with stands in every URI. */
function signed(text: string, token: string): string {
  return text.replaceAll(/^[^#\s]+$|(?<=URI=")[^"]+/gm, (uri) => `${uri}?token=${token}`);
}

export async function startLiveDouble(): Promise<LiveDouble> {
  const folder = await mkdtemp(join(tmpdir(), "dais-live-"));
  encode(folder);
  const startedAt = Date.now();
  let isCut = false;
  let admitted: readonly string[] | undefined;
  const waiting = new Set<ServerResponse>();
  const body = async (name: string): Promise<string | Buffer> => {
    if (name === "master.m3u8") return MASTER;
    if (name === "video.m3u8") return playlist(startedAt, (segment) => `${segment}.m4s`, '#EXT-X-MAP:URI="init.mp4"\n');
    if (name === "captions.m3u8") return playlist(startedAt, (segment) => `${segment}.vtt`, "");
    if (name.endsWith(".vtt")) return cue(Number.parseInt(name, 10));
    return readFile(join(folder, name));
  };
  const server = createServer((request, response) => {
    if (isCut) {
      waiting.add(response);
      return;
    }
    const { pathname, searchParams } = new URL(request.url ?? "", "http://double");
    const name = pathname.split("/").pop() ?? "";
    response.setHeader("access-control-allow-origin", "*");
    const token = searchParams.get("token");
    if (admitted && !admitted.includes(token ?? "")) {
      response.writeHead(403).end();
      return;
    }
    body(name).then(
      (bytes) => {
        response.setHeader("content-type", TYPES[name.split(".").pop() ?? ""] ?? "application/octet-stream");
        response.end(token !== null && typeof bytes === "string" && name.endsWith(".m3u8") ? signed(bytes, token) : bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const mend = () => {
    isCut = false;
    // The connections are gone, as after a network that was away.
    for (const response of waiting) response.destroy();
    waiting.clear();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/master.m3u8`,
    cut: () => {
      isCut = true;
    },
    mend,
    admit: (...tokens) => {
      admitted = tokens;
    },
    stop: async () => {
      mend();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Fake cameras and microphones: a picture and a voice per speaker, made when they are first needed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MEDIA = fileURLToPath(new URL("../../testdata/media", import.meta.url));
const FOLDER = fileURLToPath(new URL("../test-results/devices", import.meta.url));
const FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";

export interface FakeDevices {
  camera: string;
  microphone: string;
}

const COLOURS = { ada: ["0x263c7a", "0x5870c0"], luis: ["0x3d2a63", "0x8a62c8"] } as const;

function ffmpeg(args: readonly string[]): void {
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);
}

/** 960 × 540: from this width on, livekit-client makes three simulcast layers. */
export function fakeDevices(who: keyof typeof COLOURS): FakeDevices {
  mkdirSync(FOLDER, { recursive: true });
  const camera = join(FOLDER, `${who}.mjpeg`);
  const microphone = join(FOLDER, `${who}.wav`);
  const [from, to] = COLOURS[who];
  const label = `drawtext=fontfile=${FONT}:text='${who}':fontsize=72:fontcolor=white:x=(w-tw)/2:y=(h-th)/2,drawtext=fontfile=${FONT}:text='%{frame_num}':fontsize=36:fontcolor=white:x=w-tw-30:y=h-70`;
  if (!existsSync(camera)) {
    ffmpeg(["-f", "lavfi", "-i", `gradients=s=960x540:r=10:d=10:n=2:c0=${from}:c1=${to}:seed=5:speed=0.02`, "-vf", label, "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "7", "-f", "mjpeg", camera]);
  }
  if (!existsSync(microphone)) ffmpeg(["-i", join(MEDIA, `${who}.ogg`), "-ac", "1", microphone]);
  return { camera, microphone };
}

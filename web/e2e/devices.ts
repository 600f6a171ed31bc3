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

export interface SmallClip {
  /** IVF. */
  picture: string;
  /** Ogg Opus. */
  sound: string;
}

/** A picture and a sound for each of a crowd, cheap enough for hundreds of streams; a picture's width tells whose it is. */
export function smallClips(count: number): SmallClip[] {
  mkdirSync(FOLDER, { recursive: true });
  const file = (name: string) => join(FOLDER, `small-${name}`);
  const clips = Array.from({ length: count }, (_, place) => ({ picture: file(`${smallWidth(place)}.ivf`), sound: file("tone.ogg") }));
  if (clips.every(({ picture, sound }) => existsSync(picture) && existsSync(sound))) return clips;
  const vp8 = "-c:v libvpx -deadline realtime -cpu-used -8 -b:v 8k -g 10 -keyint_min 10 -auto-alt-ref 0 -error-resilient 1".split(" ");
  const pictures = clips.flatMap(({ picture }, place) => ["-map", "0:v", "-vf", `scale=${smallWidth(place)}:64`, ...vp8, picture]);
  ffmpeg(["-f", "lavfi", "-i", "gradients=s=320x64:r=5:d=4:n=2:seed=5:speed=0.02", ...pictures]);
  // A third of the usual number of packets.
  ffmpeg(["-f", "lavfi", "-i", "sine=440:d=4.02", "-c:a", "libopus", "-b:a", "6k", "-vbr", "off", "-frame_duration", "60", "-application", "voip", file("tone.ogg")]);
  return clips;
}

/** Pixels. */
export function smallWidth(place: number): number {
  return 64 + 16 * place;
}

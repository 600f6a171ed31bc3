/**
 * A participant by LiveKit's Node SDK: publishes a picture and a tone, counts what it receives.
 *
 * Its arguments are the URL and the room token. It says what happens in JSON lines, and leaves at the end of its input.
 */
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { AudioFrame, AudioSource, AudioStream, dispose, LocalAudioTrack, LocalVideoTrack, type RemoteTrack, Room, RoomEvent, TrackKind, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream } from "@livekit/rtc-node";

const [WIDTH, HEIGHT, FRAME_MS] = [320, 180, 100];
const [RATE, SAMPLES] = [48_000, 480];

interface Counts {
  frames: number;
  energy: number;
}

const [url = "", token = ""] = process.argv.slice(2);
const received: Record<string, Counts> = {};
const leaving = new AbortController();

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** A grey that changes, in I420. */
async function showPicture(source: VideoSource): Promise<void> {
  for (let tick = 0; !leaving.signal.aborted; tick += 1) {
    const planes = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
    planes.fill(64 + (tick % 128), 0, WIDTH * HEIGHT);
    source.captureFrame(new VideoFrame(planes, WIDTH, HEIGHT, VideoBufferType.I420));
    await sleep(FRAME_MS);
  }
}

/** 440 Hz; the source takes samples as fast as they are played. */
async function soundTone(source: AudioSource): Promise<void> {
  for (let at = 0; !leaving.signal.aborted; at += SAMPLES) {
    const samples = Int16Array.from({ length: SAMPLES }, (_, index) => 8000 * Math.sin((2 * Math.PI * 440 * (at + index)) / RATE));
    await source.captureFrame(new AudioFrame(samples, RATE, 1, SAMPLES));
  }
}

/** Until the track ends. */
async function count(track: RemoteTrack, counts: Counts): Promise<void> {
  if (track.kind === TrackKind.KIND_VIDEO) {
    await new VideoStream(track).pipeTo(new WritableStream({ write: () => void (counts.frames += 1) }));
  } else {
    const energy = (frame: AudioFrame) => frame.data.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0);
    await new AudioStream(track).pipeTo(new WritableStream({ write: (frame: AudioFrame) => void (counts.energy += energy(frame)) }));
  }
}

const room = new Room();
room.on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
  const counts = (received[participant.identity] ??= { frames: 0, energy: 0 });
  void count(track, counts);
});
await room.connect(url, token, { autoSubscribe: true, dynacast: false });
const picture = new VideoSource(WIDTH, HEIGHT);
const tone = new AudioSource(RATE, 1);
await room.localParticipant?.publishTrack(LocalVideoTrack.createVideoTrack("camera", picture), new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }));
await room.localParticipant?.publishTrack(LocalAudioTrack.createAudioTrack("microphone", tone), new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
const shown = showPicture(picture);
const sounded = soundTone(tone);
const reports = setInterval(() => say({ received }), 250);
say({ published: true });
await text(process.stdin);
leaving.abort();
clearInterval(reports);
await Promise.all([shown, sounded]);
await room.disconnect();
await dispose();
say({ left: true });

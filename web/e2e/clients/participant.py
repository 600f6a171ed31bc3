"""A participant by LiveKit's Python SDK: publishes a picture and a tone, counts what it receives.

Its arguments are the URL and the room token. It says what happens in JSON lines, and leaves at the end of its input.
"""

import asyncio
import json
import math
import sys

from livekit import rtc

WIDTH, HEIGHT, FRAMES_PER_SECOND = 320, 180, 10
RATE, SAMPLES = 48_000, 480


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


async def show_picture(source: rtc.VideoSource) -> None:
    """A grey that changes, in I420."""
    tick = 0
    while True:
        luma = bytes([64 + tick % 128]) * (WIDTH * HEIGHT)
        chroma = bytes([128]) * (WIDTH * HEIGHT // 2)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, luma + chroma))
        tick += 1
        await asyncio.sleep(1 / FRAMES_PER_SECOND)


async def sound_tone(source: rtc.AudioSource) -> None:
    """440 Hz; the source takes samples as fast as they are played."""
    at = 0
    while True:
        frame = rtc.AudioFrame.create(RATE, 1, SAMPLES)
        for index in range(SAMPLES):
            frame.data[index] = int(8_000 * math.sin(2 * math.pi * 440 * (at + index) / RATE))
        at += SAMPLES
        await source.capture_frame(frame)


async def count(track: rtc.Track, counts: dict[str, float]) -> None:
    if track.kind == rtc.TrackKind.KIND_VIDEO:
        async for _ in rtc.VideoStream(track):
            counts["frames"] += 1
    else:
        async for event in rtc.AudioStream(track):
            counts["energy"] += sum((sample / 32_768) ** 2 for sample in event.frame.data[::8])


async def report(received: dict[str, dict[str, float]]) -> None:
    while True:
        say(received=received)
        await asyncio.sleep(0.25)


async def main(url: str, token: str) -> None:
    room = rtc.Room()
    received: dict[str, dict[str, float]] = {}
    tasks: set[asyncio.Task[None]] = set()

    @room.on("track_subscribed")
    def subscribed(track: rtc.Track, _publication: object, participant: rtc.RemoteParticipant) -> None:
        counts = received.setdefault(participant.identity, {"frames": 0, "energy": 0.0})
        tasks.add(asyncio.create_task(count(track, counts)))

    await room.connect(url, token)
    picture, tone = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE, 1)
    tracks = [
        (rtc.LocalVideoTrack.create_video_track("camera", picture), rtc.TrackSource.SOURCE_CAMERA),
        (rtc.LocalAudioTrack.create_audio_track("microphone", tone), rtc.TrackSource.SOURCE_MICROPHONE),
    ]
    for track, source in tracks:
        await room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=source))
    tasks.update(asyncio.create_task(work) for work in (show_picture(picture), sound_tone(tone), report(received)))
    say(published=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await room.disconnect()
    say(left=True)


asyncio.run(main(*sys.argv[1:]))

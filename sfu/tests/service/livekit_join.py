"""Joins with LiveKit's SDK (libwebrtc) and sounds silence until standard input ends; says each step.

Its arguments are the URL, the room token, and `relay` when only relays may be used.
"""

import asyncio
import sys

from livekit import rtc
from livekit.rtc._proto.room_pb2 import IceTransportType

RATE, SAMPLES = 48_000, 480


async def main(url: str, token: str, policy: str) -> None:
    transport = IceTransportType.TRANSPORT_RELAY if policy == "relay" else IceTransportType.TRANSPORT_ALL
    options = rtc.RoomOptions(rtc_config=rtc.RtcConfiguration(ice_transport_type=transport))
    room = rtc.Room()
    print("connecting", flush=True)
    await room.connect(url, token, options)
    print("connected", flush=True)
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, microphone)

    async def sound() -> None:
        while True:
            await source.capture_frame(rtc.AudioFrame.create(RATE, 1, SAMPLES))

    sounding = asyncio.create_task(sound())
    await asyncio.to_thread(sys.stdin.read)
    sounding.cancel()
    await room.disconnect()


asyncio.run(main(*sys.argv[1:]))

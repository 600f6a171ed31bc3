"""One person of a meeting, with a single peer connection: aiortc does the media, the test around it the signalling.

Each line of standard input is a command, and is answered by one line:
  offer AUDIOS VIDEOS   offers, with so many more sections in which it only receives
  answer SDP            takes the server's answer (descriptions are JSON strings)
  playing TRACKS        waits until so many tracks of each kind have brought some more decoded frames
"""

import asyncio
import fractions
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import VideoFrame

FRAMES = 10
RATE = 10


class Picture(VideoStreamTrack):
    """A small green picture, ten times a second: several of these processes share a machine."""

    count = 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(1 / RATE)
        frame = VideoFrame(width=160, height=96)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = self.count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        self.count += 1
        return frame


async def main() -> None:
    connection = RTCPeerConnection()
    for track in (AudioStreamTrack(), Picture()):
        connection.addTransceiver(track, direction="sendonly")
    counts = {"audio": {}, "video": {}}

    async def count(track) -> None:
        seen = counts[track.kind]
        try:
            while True:
                await track.recv()
                seen[track] = seen.get(track, 0) + 1
        except MediaStreamError:
            seen.pop(track, None)

    readers = []
    connection.on("track", lambda track: readers.append(asyncio.ensure_future(count(track))))

    async def offer(audios: str, videos: str) -> str:
        for kind, more in (("audio", audios), ("video", videos)):
            for _ in range(int(more)):
                connection.addTransceiver(kind, direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        return json.dumps(connection.localDescription.sdp)

    async def answer(sdp: str) -> str:
        await connection.setRemoteDescription(RTCSessionDescription(json.loads(sdp), "answer"))
        return "taken"

    async def playing(tracks: str) -> str:
        before = {kind: dict(seen) for kind, seen in counts.items()}

        def live(kind: str) -> int:
            return sum(n >= before[kind].get(track, 0) + FRAMES for track, n in counts[kind].items())

        while any(live(kind) < int(tracks) for kind in counts):
            await asyncio.sleep(0.05)
        return "playing"

    commands = {"offer": offer, "answer": answer, "playing": playing}
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        name, _, rest = line.rstrip("\n").partition(" ")
        print(await commands[name](*([rest] if name == "answer" else rest.split())), flush=True)
    await connection.close()


asyncio.run(main())

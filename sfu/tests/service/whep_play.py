"""Plays by WHEP with aiortc: says when pictures and sound came, and again for each line of standard input."""

import asyncio
import sys
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

FRAMES = 20


async def main(endpoint: str, token: str) -> None:
    connection = RTCPeerConnection()
    counts = {"audio": 0, "video": 0}
    for kind in counts:
        connection.addTransceiver(kind, direction="recvonly")

    async def count(track) -> None:
        try:
            while True:
                await track.recv()
                counts[track.kind] += 1
        except MediaStreamError:
            pass

    readers = []
    connection.on("track", lambda track: readers.append(asyncio.ensure_future(count(track))))
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        offer = {"data": connection.localDescription.sdp, "headers": {"content-type": "application/sdp"}}
        async with http.post(endpoint, **offer) as reply:
            answer = await reply.text()
            print("posted", reply.status, flush=True)
            session = urljoin(endpoint, reply.headers["location"])
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        line = "start"
        while line:
            wanted = {kind: seen + FRAMES for kind, seen in counts.items()}
            while any(counts[kind] < wanted[kind] for kind in counts):
                await asyncio.sleep(0.05)
            print("playing", flush=True)
            line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        async with http.delete(session) as reply:
            print("deleted", reply.status, flush=True)
    await connection.close()


asyncio.run(main(*sys.argv[1:]))

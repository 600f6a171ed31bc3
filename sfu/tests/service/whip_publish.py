"""Publishes a green picture and silence by WHIP with aiortc until standard input ends; says each step.

Its arguments are the endpoint, the room token, and a TURN URL with its username and credential, if any.
"""

import asyncio
import sys
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack


async def main(endpoint: str, token: str, *turn: str) -> None:
    connection = RTCPeerConnection(RTCConfiguration([RTCIceServer(*turn)] if turn else []))
    for track in (AudioStreamTrack(), VideoStreamTrack()):
        connection.addTransceiver(track, direction="sendonly")
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    await connection.setLocalDescription(await connection.createOffer())
    headers = {"authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        offer = {"data": connection.localDescription.sdp, "headers": {"content-type": "application/sdp"}}
        async with http.post(endpoint, **offer) as reply:
            answer = await reply.text()
            print("posted", reply.status, flush=True)
            session = urljoin(endpoint, reply.headers["location"])
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await connected.wait()
        print("connected", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        async with http.delete(session) as reply:
            print("deleted", reply.status, flush=True)
    await connection.close()


asyncio.run(main(*sys.argv[1:]))

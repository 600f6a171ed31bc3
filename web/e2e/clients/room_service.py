"""LiveKit's Python server SDK drives RoomService (protobuf), and two participants of its client SDK see what it does.

Its arguments are the URL, the API key and its secret. It ends with status 0 when all is as it has to be.
"""

import asyncio
import sys
from collections.abc import Callable

from livekit import api, rtc
from livekit.api.room_service import RoomService

ROOM = "driven-by-python"
PATIENCE_S = 20


class Heard:
    """Events of one participant, to wait for."""

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.queue: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
        for name in ("track_published", "track_muted", "data_received", "participant_metadata_changed", "room_metadata_changed", "disconnected"):
            room.on(name, self.keep(name))

    def keep(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.queue.put_nowait((name, *arguments))

    async def wait_for(self, name: str) -> tuple[object, ...]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                heard, *arguments = await self.queue.get()
                if heard == name:
                    return tuple(arguments)


async def join(url: str, key: str, secret: str, identity: str) -> Heard:
    grants = api.VideoGrants(room_join=True, room=ROOM)
    token = api.AccessToken(key, secret).with_identity(identity).with_grants(grants).to_jwt()
    room = rtc.Room()
    heard = Heard(room)
    await room.connect(url, token)
    return heard


async def drive(service: RoomService, speaker: Heard, listener: Heard) -> None:
    track = rtc.LocalAudioTrack.create_audio_track("microphone", rtc.AudioSource(48_000, 1))
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    sid = (await speaker.room.local_participant.publish_track(track, options)).sid
    publication, participant = await listener.wait_for("track_published")
    assert (participant.identity, publication.sid) == ("speaker", sid)

    listed = await service.list_participants(api.ListParticipantsRequest(room=ROOM))
    tracks = {p.identity: [t.sid for t in p.tracks] for p in listed.participants}
    assert tracks == {"speaker": [sid], "listener": []}, tracks

    mute = api.MuteRoomTrackRequest(room=ROOM, identity="speaker", track_sid=sid, muted=True)
    assert (await service.mute_published_track(mute)).track.muted
    participant, publication = await listener.wait_for("track_muted")
    assert (participant.identity, publication.sid) == ("speaker", sid)

    await service.send_data(api.SendDataRequest(room=ROOM, data=b"hello", destination_identities=["listener"], topic="greeting"))
    (packet,) = await listener.wait_for("data_received")
    assert (packet.data, packet.topic, packet.participant) == (b"hello", "greeting", None), packet

    update = api.UpdateParticipantRequest(room=ROOM, identity="speaker", metadata="on time", attributes={"role": "host"})
    updated = await service.update_participant(update)
    assert (updated.metadata, dict(updated.attributes)) == ("on time", {"role": "host"}), updated
    participant, _old, metadata = await listener.wait_for("participant_metadata_changed")
    assert (participant.identity, metadata) == ("speaker", "on time")
    await service.update_room_metadata(api.UpdateRoomMetadataRequest(room=ROOM, metadata="second half"))
    _old, metadata = await listener.wait_for("room_metadata_changed")
    assert metadata == "second half", metadata

    await service.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="speaker"))
    (reason,) = await speaker.wait_for("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED, reason
    listed = await service.list_participants(api.ListParticipantsRequest(room=ROOM))
    assert [p.identity for p in listed.participants] == ["listener"], listed

    await service.delete_room(api.DeleteRoomRequest(room=ROOM))
    (reason,) = await listener.wait_for("disconnected")
    assert reason == rtc.DisconnectReason.ROOM_DELETED, reason
    assert not (await service.list_rooms(api.ListRoomsRequest(names=[ROOM]))).rooms


async def main(url: str, key: str, secret: str) -> None:
    async with api.LiveKitAPI(url, key, secret) as server:
        await server.room.create_room(api.CreateRoomRequest(name=ROOM, metadata="first half"))
        rooms = (await server.room.list_rooms(api.ListRoomsRequest())).rooms
        assert ("first half", 0) in [(r.metadata, r.num_participants) for r in rooms if r.name == ROOM], rooms
        speaker = await join(url, key, secret, "speaker")
        listener = await join(url, key, secret, "listener")
        await drive(server.room, speaker, listener)
        try:
            await server.room.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="nobody"))
            raise AssertionError("a participant who is not there was removed")
        except api.TwirpError as error:
            assert error.code == api.TwirpErrorCode.NOT_FOUND, error
        for heard in (speaker, listener):
            await heard.room.disconnect()


asyncio.run(main(*sys.argv[1:]))

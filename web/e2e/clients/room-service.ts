/**
 * LiveKit's Node server SDK drives RoomService (JSON), and two participants of its client SDK see what it does.
 *
 * Its arguments are the URL, the API key and its secret. It ends with status 0 when all is as it has to be.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { AudioSource, DisconnectReason, dispose, LocalAudioTrack, type Participant, Room, RoomEvent, type TrackPublication, TrackPublishOptions, TrackSource } from "@livekit/rtc-node";
import { AccessToken, DataPacket_Kind, RoomServiceClient, TwirpError } from "livekit-server-sdk";

const ROOM = "driven-by-node";
const PATIENCE_MS = 20_000;

const [url = "", key = "", secret = ""] = process.argv.slice(2);
const service = new RoomServiceClient(url, key, secret);

async function join(identity: string): Promise<Room> {
  const token = new AccessToken(key, secret, { identity });
  token.addGrant({ roomJoin: true, room: ROOM });
  const room = new Room();
  await room.connect(url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
  return room;
}

/** Ask for it before the call that makes the event come. */
function next(room: Room, event: RoomEvent): Promise<unknown[]> {
  return once(room, event, { signal: AbortSignal.timeout(PATIENCE_MS) });
}

await service.createRoom({ name: ROOM, metadata: "first half" });
const made = (await service.listRooms()).find((room) => room.name === ROOM);
assert.deepEqual([made?.metadata, made?.numParticipants], ["first half", 0]);

const [speaker, listener] = [await join("speaker"), await join("listener")];
const microphone = LocalAudioTrack.createAudioTrack("microphone", new AudioSource(48_000, 1));
const heard = next(listener, RoomEvent.TrackPublished);
const published = await speaker.localParticipant?.publishTrack(microphone, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
const sid = published?.sid ?? "";
assert.equal(((await heard)[0] as TrackPublication).sid, sid);
const listed = await service.listParticipants(ROOM);
assert.deepEqual(Object.fromEntries(listed.map((p) => [p.identity, p.tracks.map((track) => track.sid)])), { speaker: [sid], listener: [] });

const muted = next(listener, RoomEvent.TrackMuted);
assert.equal((await service.mutePublishedTrack(ROOM, "speaker", sid, true)).muted, true);
assert.equal(((await muted)[1] as Participant).identity, "speaker");

const data = next(listener, RoomEvent.DataReceived);
await service.sendData(ROOM, new TextEncoder().encode("hello"), DataPacket_Kind.RELIABLE, { destinationIdentities: ["listener"], topic: "greeting" });
const [payload, sender, , topic] = await data;
assert.deepEqual([new TextDecoder().decode(payload as Uint8Array), sender, topic], ["hello", undefined, "greeting"]);

const changed = next(listener, RoomEvent.ParticipantMetadataChanged);
const updated = await service.updateParticipant(ROOM, "speaker", { metadata: "on time", attributes: { role: "host" } });
assert.deepEqual([updated.metadata, { ...updated.attributes }], ["on time", { role: "host" }]);
assert.equal(((await changed)[1] as Participant).metadata, "on time");
const retitled = next(listener, RoomEvent.RoomMetadataChanged);
await service.updateRoomMetadata(ROOM, "second half");
assert.deepEqual(await retitled, ["second half"]);

const removed = next(speaker, RoomEvent.Disconnected);
await service.removeParticipant(ROOM, "speaker");
assert.deepEqual(await removed, [DisconnectReason.PARTICIPANT_REMOVED]);
assert.deepEqual((await service.listParticipants(ROOM)).map((p) => p.identity), ["listener"]);

const deleted = next(listener, RoomEvent.Disconnected);
await service.deleteRoom(ROOM);
assert.deepEqual(await deleted, [DisconnectReason.ROOM_DELETED]);
assert.deepEqual(await service.listRooms([ROOM]), []);
await assert.rejects(service.removeParticipant(ROOM, "nobody"), (error) => error instanceof TwirpError && error.code === "not_found");

await Promise.all([speaker.disconnect(), listener.disconnect()]);
await dispose();

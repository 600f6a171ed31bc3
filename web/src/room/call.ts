/** One call: connects, publishes what the preview opened, says how it ended. */
import { type DisconnectReason, type LocalTrack, Room, RoomEvent, type RoomOptions, VideoPresets } from "livekit-client";
import { useCallback, useEffect, useRef, useState } from "react";
import type { LocalTracks } from "./device-check";
import { type CallFailure, connectFailure, disconnectFailure } from "./failures";

/** ```text
 * idle ──join──▶ joining ──▶ in ──▶ left | failed ──join──▶ …
 * ``` */
export type Call = { state: "idle" } | { state: "joining" } | { state: "in"; room: Room } | { state: "left" } | { state: "failed"; failure: CallFailure };

export interface Ticket {
  url: string;
  token: string;
}

const ROOM_OPTIONS: RoomOptions = {
  adaptiveStream: true,
  dynacast: true,
  publishDefaults: { simulcast: true, red: true, dtx: true, videoCodec: "vp8", videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360] },
};

async function publish(room: Room, tracks: LocalTracks): Promise<void> {
  // Handed over as what the library itself made them: its own types disagree under exact optional properties.
  const opened = [tracks.microphone, tracks.camera].filter((track) => track !== undefined) as LocalTrack[];
  await Promise.all(opened.map((track) => room.localParticipant.publishTrack(track)));
}

function stop(tracks: LocalTracks): void {
  tracks.camera?.stop();
  tracks.microphone?.stop();
}

const NO_TRACKS: Promise<LocalTracks> = Promise.resolve({ camera: undefined, microphone: undefined });

export interface CallControl {
  call: Call;
  /** `ticket` asks the server for a room token; it is asked again at every attempt. */
  join: (ticket: () => Promise<Ticket>, tracks?: Promise<LocalTracks>) => Promise<void>;
  leave: () => void;
}

export function useCall(): CallControl {
  const [call, setCall] = useState<Call>({ state: "idle" });
  const current = useRef<Room | undefined>(undefined);
  useEffect(
    () => () => {
      void current.current?.disconnect();
      current.current = undefined;
    },
    [],
  );
  const join = useCallback(async (ticket: () => Promise<Ticket>, tracks: Promise<LocalTracks> = NO_TRACKS) => {
    await current.current?.disconnect();
    const room = new Room(ROOM_OPTIONS);
    current.current = room;
    setCall({ state: "joining" });
    room.on(RoomEvent.Disconnected, (reason?: DisconnectReason) => {
      if (current.current !== room) return;
      const failure = disconnectFailure(reason);
      setCall(failure ? { state: "failed", failure } : { state: "left" });
    });
    try {
      const { url, token } = await ticket();
      await room.connect(url, token);
      if (current.current !== room) {
        await room.disconnect();
        stop(await tracks);
        return;
      }
      setCall({ state: "in", room });
      await publish(room, await tracks);
    } catch (error) {
      stop(await tracks);
      if (current.current !== room) return;
      setCall({ state: "failed", failure: connectFailure(error) });
      await room.disconnect();
    }
  }, []);
  const leave = useCallback(() => {
    void current.current?.disconnect();
    setCall({ state: "left" });
  }, []);
  return { call, join, leave };
}

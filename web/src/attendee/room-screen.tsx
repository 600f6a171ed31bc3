/** One visit to a room: device check, call, how it ended. Sessions and backstage rooms are both this. */
import "@/room/room.css";
import { type ReactNode, useCallback, useState } from "react";
import type { RoomJoin } from "@/api/types";
import { useCall } from "@/room/call";
import { CallEnded, CallJoining } from "@/room/call-message";
import { DeviceCheck, type LocalTracks } from "@/room/device-check";
import { RoomView } from "@/room/room-view";
import { AttendeeFrame } from "./frame";
import { Button } from "@/ui/button";
import { useInside } from "./experience";

export interface RoomScreenProps {
  title: string;
  /** The words before joining. */
  check: { title: string; text: string; join: string };
  back: { to: string; label: string };
  /** Asks the server for a way in. `onScreen` false: only watch. */
  enter: (onScreen: boolean) => Promise<RoomJoin>;
  /** Label and hint of the way in without camera and microphone, where there is one. */
  watch?: { label: string; hint: string };
  status?: ReactNode;
  onAir?: boolean;
  /** People in the room may write to each other. */
  chat?: boolean;
}

export function RoomScreen({ title, check, back, enter, watch, status, onAir = false, chat = false }: RoomScreenProps) {
  const { person } = useInside();
  const { call, join, leave } = useCall();
  const [visit, setVisit] = useState<{ phase: "check" | "call"; count: number }>({ phase: "check", count: 0 });
  const go = useCallback(
    (onScreen: boolean, tracks?: Promise<LocalTracks>) => {
      setVisit(({ count }) => ({ phase: "call", count }));
      void join(async () => {
        const { room_url, room_token } = await enter(onScreen);
        return { url: room_url, token: room_token };
      }, tracks);
    },
    [join, enter],
  );
  if (visit.phase === "check") {
    return (
      <AttendeeFrame>
        <DeviceCheck
          key={visit.count}
          name={person?.name ?? ""}
          title={check.title}
          text={check.text}
          joinLabel={check.join}
          onJoin={(tracks) => go(true, tracks)}
          extra={watch && <JustWatch {...watch} onClick={() => go(false)} />}
        />
      </AttendeeFrame>
    );
  }
  switch (call.state) {
    case "in":
      return <RoomView room={call.room} title={title} back={back} status={status} onAir={onAir} chat={chat} onLeave={leave} />;
    case "idle":
    case "joining":
      return (
        <AttendeeFrame>
          <CallJoining />
        </AttendeeFrame>
      );
    case "left":
    case "failed":
      return (
        <AttendeeFrame>
          <CallEnded failure={call.state === "failed" ? call.failure : undefined} onRetry={() => setVisit(({ count }) => ({ phase: "check", count: count + 1 }))} back={back} />
        </AttendeeFrame>
      );
  }
}

function JustWatch({ label, hint, onClick }: { label: string; hint: string; onClick: () => void }) {
  return (
    <div className="col">
      <Button block onClick={onClick}>
        {label}
      </Button>
      <p className="tiny">{hint}</p>
    </div>
  );
}

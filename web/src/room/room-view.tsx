/** A call as people see it: head, tiles, dock. */
import "./room.css";
import { RoomAudioRenderer, RoomContext, useAudioPlayback, useConnectionQualityIndicator, useConnectionState, useLocalParticipant, useParticipants } from "@livekit/components-react";
import { ConnectionQuality, ConnectionState, type Room } from "livekit-client";
import { ChevronLeft, Volume2, Wifi, WifiLow } from "lucide-react";
import { type ReactNode, useCallback, useRef } from "react";
import { t } from "@/i18n";
import { Link } from "react-router";
import { Button } from "@/ui/button";
import { MainContent } from "@/ui/main-content";
import { Chip } from "@/ui/parts";
import { useRoomChat } from "./chat";
import { ChatPanel } from "./chat-panel";
import { ChatButton, Dock } from "./dock";
import { TileGrid } from "./tile-grid";
import { isOnScreen } from "./tiles";

export interface RoomViewProps {
  room: Room;
  title: string;
  back: { to: string; label: string };
  onLeave: () => void;
  /** Chips in the head: what this room means now. */
  status?: ReactNode;
  /** An audience sees this person now: the red frame. */
  onAir?: boolean;
  /** People here may write to each other. */
  chat?: boolean;
}

export function RoomView({ room, title, back, onLeave, status, onAir = false, chat = false }: RoomViewProps) {
  return (
    <RoomContext.Provider value={room}>
      <div className="call" data-air={onAir || undefined} data-testid="call">
        <header className="call-head">
          <Link to={back.to} className="btn ghost" aria-label={back.label}>
            <ChevronLeft size={18} aria-hidden />
          </Link>
          <div className="grow">
            <h1 className="ellipsis">{title}</h1>
            <Count />
          </div>
          {status}
          <Connection />
        </header>
        {chat ? <TalkingBody room={room} onLeave={onLeave} /> : <Body room={room} onLeave={onLeave} />}
        <RoomAudioRenderer />
      </div>
    </RoomContext.Provider>
  );
}

interface BodyProps {
  room: Room;
  onLeave: () => void;
  panel?: ReactNode;
  chat?: ReactNode;
}

function Body({ room, onLeave, panel, chat }: BodyProps) {
  return (
    <>
      <MainContent className="call-body">
        <Trouble room={room} />
        <TileGrid />
        {panel}
      </MainContent>
      <Dock onLeave={onLeave} chat={chat} />
    </>
  );
}

function TalkingBody(props: Pick<BodyProps, "room" | "onLeave">) {
  const chat = useRoomChat();
  const button = useRef<HTMLButtonElement>(null);
  const { open, setOpen } = chat;
  const close = useCallback(() => {
    setOpen(false);
    button.current?.focus();
  }, [setOpen]);
  return (
    <Body
      {...props}
      panel={open && <ChatPanel chat={chat} onClose={close} />}
      chat={<ChatButton ref={button} unread={chat.unread} open={open} onToggle={() => setOpen(!open)} />}
    />
  );
}

function Count() {
  const people = useParticipants();
  const onScreen = people.filter(isOnScreen).length;
  const watching = people.filter((person) => person.permissions?.canPublish === false).length;
  return (
    <p className="tiny">
      {t("room.onScreen", { count: onScreen })}
      {watching > 0 && ` · ${t("room.watching", { count: watching })}`}
    </p>
  );
}

function Connection() {
  const { localParticipant } = useLocalParticipant();
  const { quality } = useConnectionQualityIndicator({ participant: localParticipant });
  switch (quality) {
    case ConnectionQuality.Excellent:
    case ConnectionQuality.Good:
      return (
        <Chip kind="good">
          <Wifi size={14} aria-hidden />
          <span className="head-wide">{t("room.quality.good")}</span>
        </Chip>
      );
    case ConnectionQuality.Poor:
    case ConnectionQuality.Lost:
      return (
        <Chip kind="warn">
          <WifiLow size={14} aria-hidden />
          {t("room.quality.weak")}
        </Chip>
      );
    case ConnectionQuality.Unknown:
      return null;
  }
}

function Trouble({ room }: { room: Room }) {
  const state = useConnectionState();
  const { canPlayAudio, startAudio } = useAudioPlayback(room);
  if (state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting) {
    return (
      <span className="call-banner chip on-video lg" role="status">
        <span className="spinner" aria-hidden />
        {t("room.reconnecting")}
      </span>
    );
  }
  if (canPlayAudio) return null;
  return (
    <Button kind="primary" size="lg" className="call-banner" icon={<Volume2 size={18} aria-hidden />} onClick={() => void startAudio()}>
      {t("room.turnSoundOn")}
    </Button>
  );
}

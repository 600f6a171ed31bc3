/** The chat of a room: messages among those who are there now. Nothing is kept: who joins later starts with none. */
import { useChat } from "@livekit/components-react";
import { useEffect, useMemo, useState } from "react";

export interface Message {
  id: string;
  /** Name as shown; `undefined` for this person's own. */
  from: string | undefined;
  at: Date;
  text: string;
}

export interface Chat {
  /** Oldest first. */
  messages: readonly Message[];
  /** Messages of others that came while the panel was closed. */
  unread: number;
  open: boolean;
  setOpen: (open: boolean) => void;
  /** Rejects when the message did not go out. */
  send: (text: string) => Promise<void>;
}

/** A panel that grows without end slows a long call down. */
const KEPT = 500;

/** Letters in one message; what is longer belongs into a document. */
export const LONGEST = 2000;

/** How many of `messages` after the first `seen` ones are somebody else's. */
export function unreadOf(messages: readonly Pick<Message, "from">[], seen: number): number {
  return messages.slice(seen).filter((message) => message.from !== undefined).length;
}

export function useRoomChat(): Chat {
  const { chatMessages, send } = useChat();
  const [open, setOpen] = useState(false);
  const [seen, setSeen] = useState(0);
  const messages = useMemo(
    () =>
      chatMessages.map(({ id, from, timestamp, message }, index) => ({
        id: id ?? String(index),
        from: from?.isLocal ? undefined : from?.name || from?.identity || "",
        at: new Date(timestamp),
        text: message.slice(0, LONGEST),
      })),
    [chatMessages],
  );
  const count = messages.length;
  useEffect(() => {
    if (open) setSeen(count);
  }, [open, count]);
  return {
    messages: messages.slice(-KEPT),
    unread: open ? 0 : unreadOf(messages, seen),
    open,
    setOpen,
    send: async (text) => {
      await send(text);
    },
  };
}

/** The chat beside the tiles; on a phone a sheet over their lower part. Messages are shown as text, whatever they hold. */
import "./chat.css";
import { MessageSquare, SendHorizontal, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { t } from "@/i18n";
import { timeOfDay } from "@/lib/time";
import { Avatar } from "@/ui/parts";
import { useToast } from "@/ui/toast";
import { type Chat, LONGEST, type Message } from "./chat";

export function ChatPanel({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const box = panel.current;
    if (!box) return undefined;
    const close = (event: Event) => {
      if (event instanceof globalThis.KeyboardEvent && event.key === "Escape") onClose();
    };
    box.addEventListener("keydown", close);
    return () => box.removeEventListener("keydown", close);
  }, [onClose]);
  return (
    <aside className="chat" ref={panel} aria-label={t("room.chat.title")} data-testid="chat">
      <div className="chat-head">
        <h2>{t("room.chat.title")}</h2>
        <button type="button" className="chat-close" aria-label={t("room.chat.close")} onClick={onClose}>
          <X size={18} aria-hidden />
        </button>
      </div>
      <Messages messages={chat.messages} />
      <Write onSend={chat.send} />
    </aside>
  );
}

function Messages({ messages }: { messages: readonly Message[] }) {
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const box = list.current;
    // Who reads back is not torn away by what is new.
    if (box && atEnd.current) box.scrollTop = box.scrollHeight;
  }, [messages.length]);
  const onScroll = () => {
    const box = list.current;
    if (box) atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to scroll by keyboard, too
    <div className="chat-list" ref={list} onScroll={onScroll} role="log" aria-label={t("room.chat.messages")} tabIndex={0}>
      {messages.length === 0 ? (
        <div className="chat-empty">
          <MessageSquare size={24} aria-hidden />
          <p>{t("room.chat.empty")}</p>
        </div>
      ) : (
        messages.map((message) => <Line key={message.id} message={message} />)
      )}
    </div>
  );
}

function Line({ message: { from, at, text } }: { message: Message }) {
  const name = from ?? t("room.tile.you");
  return (
    <div className="chat-line" data-own={from === undefined || undefined}>
      <Avatar name={name} />
      <div className="grow">
        <p className="chat-who">
          <b>{name}</b> <time dateTime={at.toISOString()}>{timeOfDay(at)}</time>
        </p>
        <p className="chat-text">{text}</p>
      </div>
    </div>
  );
}

function Write({ onSend }: { onSend: (text: string) => Promise<void> }) {
  const toast = useToast();
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = () => {
    const words = text.trim();
    if (!words) return;
    setText("");
    onSend(words).catch(() => {
      // Nothing that was written is lost.
      setText((now) => now || words);
      toast(t("room.chat.failed"));
    });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  return (
    <form className="chat-write" onSubmit={submit}>
      <textarea ref={field} rows={1} maxLength={LONGEST} value={text} placeholder={t("room.chat.placeholder")} aria-label={t("room.chat.placeholder")} onChange={(event) => setText(event.target.value)} onKeyDown={onKey} />
      <button type="submit" aria-label={t("room.chat.send")} disabled={!text.trim()}>
        <SendHorizontal size={18} aria-hidden />
      </button>
    </form>
  );
}

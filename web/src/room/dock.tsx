/** Microphone, camera, screen, settings, leave: always at the bottom of a call. */
import { useLocalParticipant } from "@livekit/components-react";
import { LogOut, MessageSquare, Mic, MicOff, MonitorUp, MonitorX, Settings, Video, VideoOff } from "lucide-react";
import { type ReactNode, type Ref, useCallback, useState } from "react";
import { t } from "@/i18n";
import { useToast } from "@/ui/toast";
import { CallSettings } from "./call-settings";
import { deviceFailure } from "./failures";
import { usePushToTalk } from "./push-to-talk";

interface DockButtonProps {
  label: string;
  /** The thing is off: shown inverted. */
  off?: boolean;
  active?: boolean;
  onClick: () => void;
  children: ReactNode;
}

function DockButton({ label, off = false, active = false, onClick, children }: DockButtonProps) {
  return (
    <button type="button" className="dock-btn" aria-label={label} title={label} aria-pressed={active || !off} data-off={off || undefined} data-active={active || undefined} onClick={onClick}>
      {children}
    </button>
  );
}

export interface DockProps {
  onLeave: () => void;
  /** The room's chat, where there is one. */
  chat?: ReactNode;
}

export function Dock({ onLeave, chat }: DockProps) {
  const [settings, setSettings] = useState(false);
  const { localParticipant } = useLocalParticipant();
  const canPublish = localParticipant.permissions?.canPublish !== false;
  return (
    <div className="dock" role="toolbar" aria-label={t("room.dock.label")}>
      {canPublish && <PublishButtons />}
      {chat}
      <button type="button" className="dock-btn" aria-label={t("room.dock.settings")} title={t("room.dock.settings")} onClick={() => setSettings(true)}>
        <Settings size={20} aria-hidden />
      </button>
      <button type="button" className="dock-btn leave" onClick={onLeave}>
        <LogOut size={20} aria-hidden />
        {t("room.dock.leave")}
      </button>
      <CallSettings open={settings} onClose={() => setSettings(false)} canPublish={canPublish} />
    </div>
  );
}

export function ChatButton({ unread, open, onToggle, ref }: { unread: number; open: boolean; onToggle: () => void; ref: Ref<HTMLButtonElement> }) {
  const label = unread > 0 ? t("room.chat.openUnread", { count: unread }) : t("room.chat.open");
  return (
    <button type="button" ref={ref} className="dock-btn" aria-label={label} title={label} aria-expanded={open} data-active={open || undefined} onClick={onToggle}>
      <MessageSquare size={20} aria-hidden />
      {unread > 0 && (
        <span className="dock-badge" aria-hidden>
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </button>
  );
}

function PublishButtons() {
  const toast = useToast();
  const { localParticipant, isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled } = useLocalParticipant();
  const attempt = useCallback(
    (what: "camera" | "microphone", action: Promise<unknown>) => {
      action.catch((error: unknown) => toast(t(`room.device.${what}_${deviceFailure(error, window.isSecureContext)}`)));
    },
    [toast],
  );
  const share = () => {
    localParticipant.setScreenShareEnabled(!isScreenShareEnabled, { audio: true, contentHint: "detail" }).catch((error: unknown) => {
      // Closing the browser's own chooser is a choice, not a failure.
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") toast(t("room.dock.shareFailed"));
    });
  };
  usePushToTalk(isMicrophoneEnabled, (on) => attempt("microphone", localParticipant.setMicrophoneEnabled(on)));
  return (
    <>
      <DockButton
        label={t(isMicrophoneEnabled ? "room.dock.mute" : "room.dock.unmute")}
        off={!isMicrophoneEnabled}
        onClick={() => attempt("microphone", localParticipant.setMicrophoneEnabled(!isMicrophoneEnabled))}
      >
        {isMicrophoneEnabled ? <Mic size={20} aria-hidden /> : <MicOff size={20} aria-hidden />}
      </DockButton>
      <DockButton
        label={t(isCameraEnabled ? "room.dock.cameraOff" : "room.dock.cameraOn")}
        off={!isCameraEnabled}
        onClick={() => attempt("camera", localParticipant.setCameraEnabled(!isCameraEnabled))}
      >
        {isCameraEnabled ? <Video size={20} aria-hidden /> : <VideoOff size={20} aria-hidden />}
      </DockButton>
      <DockButton label={t(isScreenShareEnabled ? "room.dock.stopShare" : "room.dock.share")} active={isScreenShareEnabled} onClick={share}>
        {isScreenShareEnabled ? <MonitorX size={20} aria-hidden /> : <MonitorUp size={20} aria-hidden />}
      </DockButton>
    </>
  );
}

/** One person, or one shared screen. */
import { isTrackReference, type TrackReferenceOrPlaceholder, useIsMuted, useIsSpeaking, useConnectionQualityIndicator, VideoTrack } from "@livekit/components-react";
import { ConnectionQuality, Track } from "livekit-client";
import { MicOff, Pin, PinOff, WifiLow } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { Avatar } from "@/ui/parts";

export interface TileProps {
  tile: TrackReferenceOrPlaceholder;
  pinned?: boolean;
  onPin?: () => void;
  /** Chip in the upper right corner. */
  corner?: ReactNode;
}

export function Tile({ tile, pinned = false, onPin, corner }: TileProps) {
  const { participant, source } = tile;
  const screen = source === Track.Source.ScreenShare;
  const muted = useIsMuted(tile);
  const speaking = useIsSpeaking(participant) && !screen;
  const { quality } = useConnectionQualityIndicator({ participant });
  const name = participant.name || participant.identity;
  const picture = isTrackReference(tile) && !muted;
  return (
    <div className="tile" data-speaking={speaking || undefined} data-screen={screen || undefined} data-identity={participant.identity} data-local={participant.isLocal || undefined}>
      {picture ? <VideoTrack trackRef={tile} className={participant.isLocal && !screen ? "mirrored" : ""} /> : <Avatar name={name} large />}
      <span className="tile-corner">
        {(quality === ConnectionQuality.Poor || quality === ConnectionQuality.Lost) && (
          <span className="chip warn">
            <WifiLow size={14} aria-hidden />
            {t(quality === ConnectionQuality.Lost ? "room.tile.reconnecting" : "room.tile.weak")}
          </span>
        )}
        {corner}
      </span>
      {onPin && (
        <button type="button" className="tile-pin" aria-pressed={pinned} aria-label={t(pinned ? "room.tile.unpin" : "room.tile.pin", { name })} onClick={onPin}>
          {pinned ? <PinOff size={16} aria-hidden /> : <Pin size={16} aria-hidden />}
        </button>
      )}
      <TileName tile={tile} name={name} cameraOff={!picture} />
    </div>
  );
}

function TileName({ tile, name, cameraOff }: { tile: TrackReferenceOrPlaceholder; name: string; cameraOff: boolean }) {
  const silent = useIsMuted({ participant: tile.participant, source: Track.Source.Microphone });
  const screen = tile.source === Track.Source.ScreenShare;
  const who = tile.participant.isLocal ? t("room.tile.you") : name;
  const text = screen ? t("room.tile.screenOf", { name: who }) : cameraOff ? `${who} · ${t("room.tile.cameraOff")}` : who;
  return (
    <span className="tile-name">
      {silent && !screen && <MicOff size={14} role="img" aria-label={t("room.tile.muted")} />}
      <span className="ellipsis">{text}</span>
    </span>
  );
}

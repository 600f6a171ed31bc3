/** What the organiser must see at a glance: on air since, watchers, recording safe. */
import { Check, CloudUpload, ExternalLink, Users } from "lucide-react";
import { t } from "@/i18n";
import { Link } from "react-router";
import type { StageStatus } from "@/api/types";
import { useNow } from "@/lib/hooks";
import { clock } from "@/lib/time";
import { Button } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { Chip, LiveChip } from "@/ui/parts";

/** Files that always wait for a moment: one segment of each rendition. */
const USUAL_SPOOL_FILES = 6;

export function DeskStatus({ title, status, viewerPath, onEnd }: { title: string; status: StageStatus; viewerPath: string; onEnd: () => void }) {
  const now = useNow(1000);
  const onAir = status.state === "live";
  const since = status.live_since ? new Date(status.live_since) : now;
  const waiting = status.health?.waiting_files ?? 0;
  return (
    <div className="desk-status">
      <span className="muted ellipsis desk-title">{title}</span>
      {onAir && <LiveChip size="lg" label={t("organiser.control.onAirFor", { clock: clock(now.getTime() - since.getTime()) })} />}
      {(status.state === "starting" || status.state === "ending") && <Chip size="lg">{t(`organiser.stageState.${status.state}`)}</Chip>}
      {onAir && (
        <Chip>
          <Users size={14} aria-hidden />
          {t("attendee.watching", { count: status.viewers })}
        </Chip>
      )}
      {onAir &&
        (waiting > USUAL_SPOOL_FILES ? (
          <Chip kind="warn">
            <CloudUpload size={14} aria-hidden />
            {t("organiser.control.recordingWaiting", { count: waiting })}
          </Chip>
        ) : (
          <Chip kind="good">
            <Check size={14} aria-hidden />
            {t("organiser.control.recordingSafe")}
          </Chip>
        ))}
      <CopyButton text={window.location.origin + viewerPath} label={t("organiser.control.viewerLink")} size="md" />
      <Link className="btn ghost icon-only" to={viewerPath} target="_blank" rel="noreferrer" aria-label={t("organiser.control.openViewer")} title={t("organiser.control.openViewer")}>
        <ExternalLink size={18} aria-hidden />
      </Link>
      {(onAir || status.state === "starting") && (
        <Button kind="air" onClick={onEnd}>
          {t("organiser.control.end")}
        </Button>
      )}
    </div>
  );
}

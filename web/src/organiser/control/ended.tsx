/** After the end: the replay link at once. */
import { t } from "@/i18n";
import type { Event, StageStatus } from "@/api/types";
import { ButtonLink } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { Notice } from "@/ui/parts";

export function EndedNotice({ event, status }: { event: Event; status: StageStatus }) {
  if (status.state === "ending") return <Notice>{t("organiser.control.ending")}</Notice>;
  if (status.state !== "ended") return null;
  if (!status.replay) return <Notice>{t("organiser.control.replayPreparing")}</Notice>;
  const path = `/e/${event.slug}/replays/${status.replay.id}`;
  return (
    <Notice kind="good" title={t("organiser.control.endedTitle")}>
      <p>{t("organiser.control.endedText")}</p>
      <div className="row wrap notice-actions">
        <ButtonLink to={path} kind="primary" size="sm" data-testid="replay-link">
          {t("organiser.control.watchReplay")}
        </ButtonLink>
        <CopyButton text={window.location.origin + path} label={t("organiser.control.copyReplay")} />
      </div>
    </Notice>
  );
}

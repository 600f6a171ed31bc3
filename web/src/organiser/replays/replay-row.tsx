/** One replay in the organiser's list. */
import { Captions as CaptionsIcon, Trash2 } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { deleteReplay } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { Event, ReplayState, ReplaySummary } from "@/api/types";
import { useNow } from "@/lib/hooks";
import { clock, dayAndTime } from "@/lib/time";
import { Button, ButtonLink } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Chip, type ChipKind } from "@/ui/parts";
import { Captions } from "./captions";
import { Jobs } from "./jobs";

function chipOf(state: ReplayState): ChipKind {
  switch (state) {
    case "ready":
      return "good";
    case "errored":
      return "warn";
    case "waiting":
    case "preparing":
      return "plain";
  }
}

export function ReplayRow({ event, replay }: { event: Event; replay: ReplaySummary }) {
  const now = useNow(60_000);
  const [captions, setCaptions] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const remove = async () => {
    await deleteReplay(replay.id);
    await queryClient.invalidateQueries({ queryKey: ["replays", event.id] });
  };
  const ready = replay.state === "ready";
  return (
    <div className="list-row wrap" data-testid="replay" data-state={replay.state}>
      <div className="grow replay-name">
        <h3>{replay.title}</h3>
        <p className="tiny">
          {dayAndTime(new Date(replay.created_at), now)}
          {replay.duration_ms ? ` · ${clock(replay.duration_ms, true)}` : ""}
        </p>
      </div>
      <Chip kind={chipOf(replay.state)}>{t(`organiser.replays.state_${replay.state}`)}</Chip>
      {ready && (
        <Button size="sm" icon={<CaptionsIcon size={16} aria-hidden />} onClick={() => setCaptions(true)}>
          {t("organiser.replays.captions")}
        </Button>
      )}
      {ready && (
        <ButtonLink size="sm" kind="primary" to={`/e/${event.slug}/replays/${replay.id}`}>
          {t("organiser.replays.watch")}
        </ButtonLink>
      )}
      <Button kind="ghost" size="sm" className="icon-only" aria-label={t("common.delete")} onClick={() => setDeleting(true)} icon={<Trash2 size={16} aria-hidden />} />
      <Jobs summary={replay} />
      {ready && <Captions replay={replay} open={captions} onClose={() => setCaptions(false)} />}
      <Confirm
        open={deleting}
        onClose={() => setDeleting(false)}
        title={t("organiser.replays.deleteTitle")}
        text={t("organiser.replays.deleteText", { title: replay.title })}
        action={t("common.delete")}
        onConfirm={remove}
      />
    </div>
  );
}

/** One replay. */
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { t } from "@/i18n";
import { useParams } from "react-router";
import { getReplay } from "@/api/experience";
import type { Replay as ReplayBody } from "@/api/types";
import { useEmbedding } from "@/lib/embedding";
import { useNow, useTitle } from "@/lib/hooks";
import { clock, dayAndTime } from "@/lib/time";
import { Player } from "@/player/lazy-player";
import { MainContent } from "@/ui/main-content";
import { Chip, Notice, Skeleton } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "./experience";
import { AttendeeFrame } from "./frame";

/** Captions, storyboard and picture come minutes after the end: look again while something is being made. */
function pollMs(replay: ReplayBody | undefined): number | false {
  if (!replay) return false;
  if (replay.state === "waiting" || replay.state === "preparing") return 1500;
  return replay.jobs.some((job) => job.state === "queued" || job.state === "running") ? 5000 : false;
}

export function Replay() {
  const { replayId = "" } = useParams();
  const { caller } = useInside();
  const replay = useQuery({ queryKey: ["replay", replayId, caller.kind], queryFn: () => getReplay(caller, replayId), refetchInterval: (query) => pollMs(query.state.data) });
  useTitle(replay.data?.title);
  const embedded = useEmbedding() !== undefined;
  return (
    <AttendeeFrame>
      <MainContent className={embedded ? "" : "watch alone"} tabIndex={-1}>
        {replay.isPending && <Skeleton height="56vw" />}
        {replay.isError && !replay.data && <Problem error={replay.error} onRetry={() => void replay.refetch()} />}
        {replay.data && (embedded ? <Place replay={replay.data} /> : <Content replay={replay.data} />)}
      </MainContent>
    </AttendeeFrame>
  );
}

function Picture({ replay }: { replay: ReplayBody }) {
  if (replay.state === "errored") return <Notice kind="warn">{replay.error ?? t("attendee.replay.failed")}</Notice>;
  if (!replay.hls_url) {
    return (
      <div className="holding">
        <span className="spinner" aria-hidden />
        <p role="status">{t("attendee.replay.preparing")}</p>
      </div>
    );
  }
  return (
    <Player src={replay.hls_url} live={false} title={replay.title} autoplay storyboard={replay.storyboard_url ?? undefined} poster={replay.poster_url ?? undefined} />
  );
}

function Place({ replay }: { replay: ReplayBody }) {
  return (
    <div className="watch-picture">
      <Picture replay={replay} />
    </div>
  );
}

function Content({ replay }: { replay: ReplayBody }) {
  const now = useNow(60_000);
  const languages = replay.captions.filter((caption) => caption.state === "ready").map((caption) => caption.label);
  return (
    <div>
      <Place replay={replay} />
      <div className="watch-title">
        <div className="grow">
          <h1>{replay.title}</h1>
          <p className="muted">{t("attendee.replay.recorded", { when: dayAndTime(new Date(replay.created_at), now) })}</p>
        </div>
        {replay.duration_ms ? <Chip>{clock(replay.duration_ms, true)}</Chip> : null}
        {languages.length > 0 && <Chip>{t("attendee.replay.languages", { languages: languages.join(", ") })}</Chip>}
        {replay.mp4_url && (
          <a className="btn sm" href={replay.mp4_url} download>
            <Download size={16} aria-hidden />
            {t("attendee.replay.download")}
          </a>
        )}
      </div>
    </div>
  );
}

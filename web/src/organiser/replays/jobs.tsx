/** What is being made of a replay, in percent; a job can be stopped, and a failed one tried again. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { t, textOr } from "@/i18n";
import { cancelJob, getReplay, retryJob } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { Job, Replay, ReplaySummary } from "@/api/types";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/parts";

const POLL_MS = 2000;

function active(job: Job): boolean {
  return job.state === "queued" || job.state === "running";
}

/** Ready replays get better pictures and downloads later: look again while something is being made. */
function pollMs(replay: Replay | undefined): number | false {
  if (!replay || replay.state === "preparing" || replay.jobs.some(active)) return POLL_MS;
  return false;
}

export function Jobs({ summary }: { summary: ReplaySummary }) {
  const replay = useQuery({ queryKey: ["replay-jobs", summary.id, summary.state], queryFn: () => getReplay(summary.id), refetchInterval: (query) => pollMs(query.state.data), enabled: summary.state !== "waiting" });
  const shown = replay.data?.jobs.filter((job) => active(job) || job.state === "failed") ?? [];
  if (!replay.data || (shown.length === 0 && !replay.data.error)) return null;
  return (
    <div className="replay-jobs">
      {replay.data.error && <Notice kind="warn">{replay.data.error}</Notice>}
      {shown.map((job) => (
        <JobRow key={job.id} replayId={summary.id} job={job} />
      ))}
    </div>
  );
}

function JobRow({ replayId, job }: { replayId: string; job: Job }) {
  const change = useMutation({
    mutationFn: () => (active(job) ? cancelJob(replayId, job.id) : retryJob(replayId, job.id)),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["replay-jobs", replayId] }),
  });
  const name = textOr(`organiser.jobs.${job.kind}`, job.kind);
  return (
    <div className="row small">
      <span className="job-name">{name}</span>
      <div className="meter accent grow" role="progressbar" aria-label={name} aria-valuenow={job.percent}>
        <i style={{ transform: `scaleX(${job.percent / 100})` }} />
      </div>
      <span className="tiny job-percent">{job.state === "failed" ? t("organiser.jobs.failed") : `${job.percent} %`}</span>
      <Button size="sm" kind="ghost" busy={change.isPending} onClick={() => change.mutate()}>
        {t(active(job) ? "common.cancel" : "common.tryAgain")}
      </Button>
    </div>
  );
}

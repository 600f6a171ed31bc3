/** A stage as its audience sees it: before, live, after, always in the same place. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useParams } from "react-router";
import { getReception, getStage, sayWatching, watchStage } from "@/api/experience";
import type { Stage as StageBody, StageState, Watch } from "@/api/types";
import { useEmbedding } from "@/lib/embedding";
import { useTitle } from "@/lib/hooks";
import { MainContent } from "@/ui/main-content";
import { Skeleton } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "../experience";
import { AttendeeFrame } from "../frame";
import { Picture } from "./picture";
import { Panel } from "./panel";

/** The server counts a viewer for half a minute after each word. */
const WATCHING_MS = 12_000;

/** Changes of state are soon seen without asking too often. */
function pollMs(state: StageState | undefined): number {
  switch (state) {
    case "live":
      return 4000;
    case "starting":
    case "ending":
      return 1000;
    case "off_air":
    case "ended":
    case undefined:
      return 3000;
  }
}

export function Stage() {
  const { stageId = "" } = useParams();
  const { caller } = useInside();
  const stage = useQuery({ queryKey: ["stage", stageId, caller.kind], queryFn: () => getStage(caller, stageId) });
  const watch = useQuery({
    queryKey: ["watch", stageId, caller.kind],
    queryFn: () => watchStage(caller, stageId),
    refetchInterval: (query) => pollMs(query.state.data?.state),
    refetchIntervalInBackground: true,
  });
  useTitle(stage.data?.title);
  const live = watch.data?.state === "live";
  useEffect(() => {
    if (!live || caller.kind !== "person") return undefined;
    const say = () => void sayWatching(caller, stageId).catch(() => undefined);
    say();
    const timer = setInterval(say, WATCHING_MS);
    return () => clearInterval(timer);
  }, [live, caller, stageId]);
  const failed = stage.error ?? (watch.data ? null : watch.error);
  const embedded = useEmbedding() !== undefined;
  return (
    <AttendeeFrame>
      <MainContent className={embedded ? "" : "watch"} tabIndex={-1}>
        {failed && <Problem error={failed} onRetry={() => void Promise.all([stage.refetch(), watch.refetch()])} />}
        {!failed && (!stage.data || !watch.data) && <Skeleton height="50vw" />}
        {stage.data && watch.data && (embedded ? <Place stage={stage.data} watch={watch.data} /> : <Content stage={stage.data} watch={watch.data} />)}
      </MainContent>
    </AttendeeFrame>
  );
}

function Place({ stage, watch }: { stage: StageBody; watch: Watch }) {
  return (
    <div className="watch-picture" data-testid="stage" data-state={watch.state}>
      <Picture stage={stage} watch={watch} />
    </div>
  );
}

function Content({ stage, watch }: { stage: StageBody; watch: Watch }) {
  const { event, caller } = useInside();
  const reception = useQuery({ queryKey: ["reception", event.id, caller.kind], queryFn: () => getReception(caller, event.id), refetchInterval: 5000 });
  const onStage = reception.data?.stages.find((one) => one.id === stage.id)?.on_stage ?? [];
  const live = watch.state === "live";
  return (
    <>
      <div>
        <Place stage={stage} watch={watch} />
        <div className="watch-title">
          <div className="grow">
            <h1>{stage.title}</h1>
            <p className="muted">{live && onStage.length > 0 ? onStage.join(", ") : event.title}</p>
          </div>
        </div>
      </div>
      <Panel live={live} playing={Boolean(watch.hls_url)} onStage={live ? onStage : []} replays={reception.data?.replays.filter((replay) => replay.stage_id === stage.id) ?? []} />
    </>
  );
}

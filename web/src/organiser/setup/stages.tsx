/** The stages of an event, each with the way to its control room. */
import { useQuery } from "@tanstack/react-query";
import { Plus, RadioTower } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { createStage, listStages } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { StageState } from "@/api/types";
import { Button, ButtonLink } from "@/ui/button";
import { Chip, Empty, LiveChip, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { AddTitle } from "./add-title";

export function StageChip({ state }: { state: StageState }) {
  switch (state) {
    case "live":
      return <LiveChip label={t("organiser.stageState.live")} />;
    case "starting":
    case "ending":
    case "off_air":
    case "ended":
      return <Chip>{t(`organiser.stageState.${state}`)}</Chip>;
  }
}

export function Stages({ eventId }: { eventId: string }) {
  const [adding, setAdding] = useState(false);
  const stages = useQuery({ queryKey: ["stages", eventId], queryFn: () => listStages(eventId), refetchInterval: 5000 });
  const add = async (title: string) => {
    await createStage(eventId, title);
    await queryClient.invalidateQueries({ queryKey: ["stages", eventId] });
  };
  const items = stages.data?.items ?? [];
  return (
    <section aria-labelledby="stages">
      <div className="section-head">
        <h2 id="stages" className="grow">
          {t("organiser.event.stages")}
        </h2>
        <Button size="sm" icon={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          {t("organiser.event.newStage")}
        </Button>
      </div>
      {stages.isPending && <SkeletonList rows={2} height={64} />}
      {stages.isError && <Problem error={stages.error} onRetry={() => void stages.refetch()} />}
      {stages.isSuccess && (
        <div className="card divided">
          {items.map((stage) => (
            <div className="list-row" key={stage.id}>
              <h3 className="grow ellipsis">{stage.title}</h3>
              <StageChip state={stage.state} />
              <ButtonLink to={`/events/${eventId}/stages/${stage.id}`} kind="primary" size="sm">
                {t("organiser.event.controlRoom")}
              </ButtonLink>
            </div>
          ))}
          {items.length === 0 && (
            <Empty
              icon={<RadioTower size={24} aria-hidden />}
              title={t("organiser.event.stagesEmptyTitle")}
              text={t("organiser.event.stagesEmpty")}
              action={<Button onClick={() => setAdding(true)}>{t("organiser.event.newStage")}</Button>}
            />
          )}
        </div>
      )}
      <AddTitle open={adding} onClose={() => setAdding(false)} heading={t("organiser.event.newStage")} placeholder={t("organiser.event.stagePlaceholder")} onAdd={add} />
    </section>
  );
}

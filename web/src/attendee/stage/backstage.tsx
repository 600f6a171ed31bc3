/** Backstage: the speakers' room, which says plainly whether the audience sees them. */
import { useQuery } from "@tanstack/react-query";
import { EyeOff, Lock } from "lucide-react";
import { useCallback, useState } from "react";
import { t } from "@/i18n";
import { useParams } from "react-router";
import { getStage, getStageStatus, joinBackstage } from "@/api/experience";
import { useTitle } from "@/lib/hooks";
import { Page } from "@/ui/frame";
import { Chip, Empty, LiveChip, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "../experience";
import { AttendeeFrame } from "../frame";
import { RoomScreen } from "../room-screen";

type Standing = "backstage" | "next" | "on_air" | "waiting";

const POLL_MS = 1000;

export function BackstageRoom() {
  const { stageId = "" } = useParams();
  const { event, caller, person } = useInside();
  const [identity, setIdentity] = useState<string>();
  const stage = useQuery({ queryKey: ["stage", stageId, caller.kind], queryFn: () => getStage(caller, stageId) });
  const status = useQuery({ queryKey: ["stage-status", stageId, caller.kind], queryFn: () => getStageStatus(caller, stageId), refetchInterval: POLL_MS, enabled: identity !== undefined });
  useTitle(stage.data?.title);
  const enter = useCallback(async () => {
    const way = await joinBackstage(caller, stageId);
    setIdentity(way.identity);
    return way;
  }, [caller, stageId]);
  if (person && person.role !== "speaker") {
    return (
      <AttendeeFrame>
        <Page narrow>
          <Empty icon={<Lock size={24} aria-hidden />} title={t("attendee.backstage.only")} text={t("attendee.backstage.onlyText")} />
        </Page>
      </AttendeeFrame>
    );
  }
  if (!stage.data) {
    return (
      <AttendeeFrame>
        <Page>{stage.isError ? <Problem error={stage.error} onRetry={() => void stage.refetch()} /> : <SkeletonList />}</Page>
      </AttendeeFrame>
    );
  }
  const live = status.data?.state === "live";
  const onStage = identity !== undefined && (status.data?.programme.on_stage.includes(identity) ?? false);
  const standing: Standing = live ? (onStage ? "on_air" : "waiting") : onStage ? "next" : "backstage";
  return (
    <RoomScreen
      title={t("attendee.backstage.name", { stage: stage.data.title })}
      check={{ title: t("attendee.backstage.title"), text: t("attendee.backstage.text"), join: t("attendee.backstage.join") }}
      back={{ to: `/e/${event.slug}`, label: t("attendee.nav.reception") }}
      enter={enter}
      status={<StandingChip standing={standing} />}
      onAir={standing === "on_air"}
    />
  );
}

function StandingChip({ standing }: { standing: Standing }) {
  switch (standing) {
    case "on_air":
      return <LiveChip size="lg" label={t("attendee.backstage.onAir")} />;
    case "next":
      return <Chip kind="good">{t("attendee.backstage.onStage")}</Chip>;
    case "waiting":
      return <Chip>{t("attendee.backstage.live")}</Chip>;
    case "backstage":
      return (
        <Chip>
          <EyeOff size={14} aria-hidden />
          {t("attendee.backstage.waiting")}
        </Chip>
      );
  }
}

/** The control room of one stage: joins its backstage room and runs the stage. */
import "./control.css";
import "@/room/room.css";
import { RoomAudioRenderer, RoomContext } from "@livekit/components-react";
import { useQuery } from "@tanstack/react-query";
import { Room } from "livekit-client";
import { useEffect, useMemo } from "react";
import { t } from "@/i18n";
import { useParams } from "react-router";
import { joinBackstage } from "@/api/experience";
import { getStage, getStageStatus } from "@/api/organiser";
import { useTitle } from "@/lib/hooks";
import { useCall } from "@/room/call";
import { SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { Page } from "@/ui/frame";
import { OrganiserFrame } from "../frame";
import { useEvent } from "../setup/setup";
import { Desk } from "./desk";

/** Health and state, as often as people look at them. */
const POLL_MS = 1500;

export function ControlRoom() {
  const { stageId = "" } = useParams();
  const event = useEvent();
  const stage = useQuery({ queryKey: ["stage", stageId], queryFn: () => getStage(stageId) });
  const status = useQuery({ queryKey: ["stage-status", stageId], queryFn: () => getStageStatus(stageId), refetchInterval: POLL_MS, refetchIntervalInBackground: true });
  useTitle(stage.data?.title);
  const { call, join } = useCall();
  useEffect(() => {
    void join(async () => {
      const { room_url, room_token } = await joinBackstage({ kind: "organiser" }, stageId);
      return { url: room_url, token: room_token };
    });
  }, [join, stageId]);
  // Until the call stands, an unconnected room stands in: the desk works without tiles.
  const nowhere = useMemo(() => new Room(), []);
  const room = call.state === "in" ? call.room : nowhere;
  const failed = stage.error ?? event.error ?? (status.data ? null : status.error);
  if (stage.data && event.data && status.data) {
    return (
      <RoomContext.Provider value={room}>
        <Desk event={event.data} stage={stage.data} status={status.data} call={call} />
        <RoomAudioRenderer />
      </RoomContext.Provider>
    );
  }
  return (
    <OrganiserFrame event={event.data}>
      <Page>
        {failed ? <Problem error={failed} onRetry={() => window.location.reload()} /> : <SkeletonList rows={4} height={120} />}
        <span className="visually-hidden">{t("organiser.control.title")}</span>
      </Page>
    </OrganiserFrame>
  );
}

/** The control room's desk: everything at hand, nothing to scroll for on a desktop. */
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { endStage, goLive } from "@/api/organiser";
import { problemText } from "@/api/problem";
import { queryClient } from "@/api/query-client";
import type { Event, Stage, StageState, StageStatus } from "@/api/types";
import type { Call } from "@/room/call";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Frame } from "@/ui/frame";
import { Notice } from "@/ui/parts";
import { useToast } from "@/ui/toast";
import { Invite } from "../setup/invite";
import { Backstage } from "./backstage";
import { DeskBar } from "./desk-bar";
import { EndedNotice } from "./ended";
import { Guests } from "./guests";
import { Health } from "./health";
import { DeskStatus } from "./desk-status";
import { Screens } from "./screens";
import { useDraft } from "./draft";

/** Whether an audience may see this stage now: then every change needs "Take to air". */
export function isOnAir(state: StageState): boolean {
  switch (state) {
    case "starting":
    case "live":
    case "ending":
      return true;
    case "off_air":
    case "ended":
      return false;
  }
}

export function Desk({ event, stage, status, call }: { event: Event; stage: Stage; status: StageStatus; call: Call }) {
  const toast = useToast();
  const [inviting, setInviting] = useState(false);
  const [ending, setEnding] = useState(false);
  const live = isOnAir(status.state);
  const draft = useDraft(stage.id, status.programme, live);
  const refresh = () => queryClient.invalidateQueries({ queryKey: ["stage-status", stage.id] });
  const start = async () => {
    try {
      await goLive(stage.id);
    } catch (error) {
      toast(problemText(error));
    }
    await refresh();
  };
  const end = async () => {
    await endStage(stage.id);
    await refresh();
  };
  const viewerPath = `/e/${event.slug}/stages/${stage.id}`;
  return (
    <Frame home={`/events/${event.id}`} name={event.title} onAir={live} side={<DeskStatus title={stage.title} status={status} viewerPath={viewerPath} onEnd={() => setEnding(true)} />}>
      <main className="control" id="content" data-testid="control-room" data-state={status.state}>
        <h1 className="visually-hidden">
          {t("organiser.control.title")}: {stage.title}
        </h1>
        <Backstage
          onAir={status.programme}
          next={draft.next}
          live={live}
          onChange={draft.change}
          invite={
            <Button block icon={<UserPlus size={16} aria-hidden />} onClick={() => setInviting(true)}>
              {t("organiser.control.inviteSpeaker")}
            </Button>
          }
        />
        <div className="control-centre">
          {call.state === "failed" && <Notice kind="warn">{t("organiser.control.noConnection")}</Notice>}
          {status.trouble && <Notice kind="warn">{status.trouble}</Notice>}
          <EndedNotice event={event} status={status} />
          <Screens status={status} next={draft.next} title={stage.title} live={live} onChange={draft.change} />
          <DeskBar draft={draft} live={live} state={status.state} onGoLive={start} />
          <Guests eventId={event.id} status={status} />
        </div>
        <div className="control-side">
          <Health status={status} />
        </div>
      </main>
      <Invite open={inviting} onClose={() => setInviting(false)} eventId={event.id} stageId={stage.id} />
      <Confirm
        open={ending}
        onClose={() => setEnding(false)}
        title={t("organiser.control.endTitle")}
        text={t("organiser.control.endText")}
        action={t("organiser.control.endAction")}
        kind="air"
        onConfirm={end}
      />
    </Frame>
  );
}

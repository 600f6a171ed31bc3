/** Everybody in the backstage room, with one press (or a drag) to the stage and back. */
import { useParticipants, useTracks } from "@livekit/components-react";
import { type Participant, Track } from "livekit-client";
import { ArrowDownToLine, ArrowUpFromLine, Users } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { Tile } from "@/room/tile";
import { isOnScreen, isOrganiser } from "@/room/tiles";
import { Button } from "@/ui/button";
import { Chip, LiveChip } from "@/ui/parts";
import type { Change, Programme } from "./programme";

/** Type of what a dragged tile carries: the identity. */
export const DRAG_TYPE = "application/x-dais-identity";

/** People who can be put on stage: those who may publish, without the organiser's own listener. */
export function useSpeakers(): readonly Participant[] {
  return useParticipants()
    .filter((person) => !person.isLocal && !isOrganiser(person) && isOnScreen(person))
    .toSorted((a, b) => (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0));
}

export interface BackstageProps {
  onAir: Programme;
  next: Programme;
  live: boolean;
  onChange: (change: Change) => void;
  /** Shown below the tiles: how to invite. */
  invite: ReactNode;
}

export function Backstage({ onAir, next, live, onChange, invite }: BackstageProps) {
  const speakers = useSpeakers();
  return (
    <section className="card control-backstage" aria-labelledby="backstage">
      <div className="row">
        <h2 id="backstage" className="grow">
          {t("organiser.control.backstage")}
        </h2>
        <Chip>{speakers.length}</Chip>
      </div>
      <ul className="backstage-list">
        {speakers.map((person) => (
          <li key={person.identity}>
            <Speaker person={person} onAir={live && onAir.on_stage.includes(person.identity)} onStage={next.on_stage.includes(person.identity)} onChange={onChange} />
          </li>
        ))}
      </ul>
      {speakers.length === 0 && (
        <div className="backstage-empty">
          <Users size={22} aria-hidden />
          <p className="small">{t("organiser.control.nobodyBackstage")}</p>
        </div>
      )}
      {invite}
    </section>
  );
}

function Speaker({ person, onAir, onStage, onChange }: { person: Participant; onAir: boolean; onStage: boolean; onChange: (change: Change) => void }) {
  const camera = useTracks([{ source: Track.Source.Camera, withPlaceholder: true }]).find((track) => track.participant.identity === person.identity);
  const name = person.name || person.identity;
  return (
    <div draggable onDragStart={(event) => event.dataTransfer.setData(DRAG_TYPE, person.identity)} className="backstage-person">
      {camera && (
        <Tile
          tile={camera}
          corner={onAir ? <LiveChip label={t("organiser.control.onAir")} /> : onStage && <span className="chip stage-chip">{t("organiser.control.onStage")}</span>}
        />
      )}
      <Button
        size="sm"
        block
        aria-pressed={onStage}
        aria-label={t(onStage ? "organiser.control.takeBack" : "organiser.control.bringOn", { name })}
        icon={onStage ? <ArrowDownToLine size={15} aria-hidden /> : <ArrowUpFromLine size={15} aria-hidden />}
        onClick={() => onChange({ do: "toggle", identity: person.identity })}
      >
        {t(onStage ? "organiser.control.toBackstage" : "organiser.control.toStage")}
      </Button>
    </div>
  );
}

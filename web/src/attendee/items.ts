/** Turns the API's reception into rows of the schedule. Pure. */
import type { ReceptionSession, ReceptionStage } from "@/api/types";
import type { PlaceItem, PlaceStatus } from "./model";

function stageStatus(stage: ReceptionStage): PlaceStatus {
  switch (stage.state) {
    case "live":
      return "live";
    case "off_air":
    case "starting":
      return "upcoming";
    case "ending":
    case "ended":
      return "over";
  }
}

export function stageItem(stage: ReceptionStage, base: string): PlaceItem {
  return {
    kind: "stage",
    id: stage.id,
    title: stage.title,
    description: stage.on_stage.join(", "),
    status: stageStatus(stage),
    startsAt: undefined,
    people: stage.state === "live" ? stage.viewers : undefined,
    to: `${base}/stages/${stage.id}`,
  };
}

/** A session without planned times is open whenever somebody wants it. */
export function sessionItem(session: ReceptionSession, base: string, now: Date): PlaceItem {
  const startsAt = session.starts_at ? new Date(session.starts_at) : undefined;
  const endsAt = session.ends_at ? new Date(session.ends_at) : undefined;
  const over = endsAt !== undefined && endsAt <= now && session.participants === 0;
  const open = session.participants > 0 || startsAt === undefined || startsAt <= now;
  return {
    kind: "session",
    id: session.id,
    title: session.title,
    description: session.description,
    status: over ? "over" : open ? "live" : "upcoming",
    startsAt,
    people: session.participants > 0 ? session.participants : undefined,
    to: `${base}/sessions/${session.id}`,
  };
}

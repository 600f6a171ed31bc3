/** What an attendee sees of an event, free of how the API says it. Pure: `now` is a parameter. */

/** ```text
 * upcoming ──▶ live ──▶ over
 * ``` */
export type PlaceStatus = "upcoming" | "live" | "over";

/** A stage or a session, as a row of the schedule. */
export interface PlaceItem {
  kind: "stage" | "session";
  id: string;
  title: string;
  description: string;
  status: PlaceStatus;
  /** Planned start; `undefined` when the organiser set none. */
  startsAt: Date | undefined;
  /** People there now; `undefined` when nobody counts. */
  people: number | undefined;
  to: string;
}

export interface Programme {
  /** The one large thing: live now, or else what comes first. */
  hero: PlaceItem | undefined;
  /** Other things that are live. */
  live: readonly PlaceItem[];
  /** What comes, soonest first; without a time last. */
  next: readonly PlaceItem[];
}

function byStart(a: PlaceItem, b: PlaceItem): number {
  return (a.startsAt?.getTime() ?? Number.MAX_SAFE_INTEGER) - (b.startsAt?.getTime() ?? Number.MAX_SAFE_INTEGER) || a.title.localeCompare(b.title);
}

/** Stages before sessions, then where the most people are. */
function byWeight(a: PlaceItem, b: PlaceItem): number {
  if (a.kind !== b.kind) return a.kind === "stage" ? -1 : 1;
  return (b.people ?? 0) - (a.people ?? 0);
}

export function programmeOf(items: readonly PlaceItem[]): Programme {
  const live = items.filter((item) => item.status === "live").toSorted(byWeight);
  const next = items.filter((item) => item.status === "upcoming").toSorted(byStart);
  const [first, ...others] = live;
  if (first) return { hero: first, live: others, next };
  return { hero: next[0], live: [], next: next.slice(1) };
}

export interface Countdown {
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
}

/** What is left until a moment; `undefined` when it has come. */
export function countdown(until: Date, now: Date): Countdown | undefined {
  const left = Math.ceil((until.getTime() - now.getTime()) / 1000);
  if (left <= 0) return undefined;
  return { days: Math.floor(left / 86_400), hours: Math.floor(left / 3600) % 24, minutes: Math.floor(left / 60) % 60, seconds: left % 60 };
}

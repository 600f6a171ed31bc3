/** Who this browser tab is inside an event. The token lives as long as the tab. */
import { createContext, use } from "react";
import type { Caller } from "@/api/experience";
import type { EventPreview, Experience, Person } from "@/api/types";
import { readSession, removeSession, writeSession } from "@/lib/storage";

export interface Stored {
  token: string;
  person: Person;
}

const keyOf = (eventId: string) => `dais.experience.${eventId}`;

export function keepExperience(experience: Experience): void {
  const stored: Stored = { token: experience.token, person: experience.person };
  writeSession(keyOf(experience.event.id), JSON.stringify(stored));
}

export function storedExperience(eventId: string): Stored | undefined {
  const text = readSession(keyOf(eventId));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Stored;
  } catch {
    removeSession(keyOf(eventId));
    return undefined;
  }
}

export function forgetExperience(eventId: string): void {
  removeSession(keyOf(eventId));
}

/** What every screen inside an event knows. */
export interface Inside {
  event: EventPreview;
  caller: Caller;
  /** `undefined`: the organiser looks at their own event. */
  person: Person | undefined;
}

export const InsideContext = createContext<Inside | undefined>(undefined);

export function useInside(): Inside {
  const inside = use(InsideContext);
  if (!inside) throw new Error("a screen of an event is shown inside one");
  return inside;
}

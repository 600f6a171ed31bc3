/** Texts by key. English is complete; another language is another folder beside `en`. */
import { attendee } from "./en/attendee";
import { common } from "./en/common";
import type { organiser } from "./en/organiser";
import { player } from "./en/player";
import type { replayTexts } from "./en/replays";
import { room } from "./en/room";
import { type KeyOf, translate, type Tree, type Values } from "./translate";

const LANGUAGE = "en";

const everywhere = { ...common, attendee, player, room };

/** What only organisers read; their screens bring it (`./organiser`). */
interface Organisers {
  organiser: typeof organiser & typeof replayTexts;
}

export type Key = KeyOf<typeof everywhere & Organisers>;

let texts: Tree = everywhere;
const plural = new Intl.PluralRules(LANGUAGE);

/** Adds the texts of a part of the app that is loaded on demand. */
export function addTexts(more: Organisers): void {
  texts = { ...texts, ...more };
}

/** The text of a key. `count` chooses singular or plural. */
export function t(key: Key, values?: Values): string {
  // A key whose part was not loaded: its name says more than nothing would.
  return translate(texts, plural, key, values) ?? key;
}

/** The text of a key that the server named, or else what stands in for it. */
export function textOr(key: string, otherwise: string): string {
  return translate(texts, plural, key) ?? otherwise;
}

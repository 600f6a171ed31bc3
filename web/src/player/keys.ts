/** Keys that work anywhere on the player. */

export type Command = "toggle" | "mute" | "fullscreen" | "captions" | "back" | "forward";

const KEYS: Readonly<Record<string, Command>> = {
  k: "toggle",
  " ": "toggle",
  m: "mute",
  f: "fullscreen",
  c: "captions",
  arrowleft: "back",
  arrowright: "forward",
};

/** Elements that answer a key themselves. */
const TAKES_SPACE = "button, a, select, input";
const TAKES_ARROWS = "select, input:not([data-seeks])";

/** What a key means on the element that has the focus; `undefined`: not the player's business. */
export function commandOf(event: Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey" | "target">): Command | undefined {
  if (event.altKey || event.ctrlKey || event.metaKey) return undefined;
  const command = KEYS[event.key.toLowerCase()];
  const target = event.target instanceof Element ? event.target : undefined;
  if (event.key === " " && target?.matches(TAKES_SPACE)) return undefined;
  if (event.key.startsWith("Arrow") && target?.matches(TAKES_ARROWS)) return undefined;
  // A list of choices is searched by letters.
  if (target?.matches("select")) return undefined;
  return command;
}

/** The styles of the shadow roots: the app's own, and the font, which only a document can hold. */
import latin from "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url";
import latinExt from "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2?url";
import attendee from "@/attendee/attendee.css?inline";
import player from "@/player/player.css?inline";
import check from "@/room/device-check.css?inline";
import chat from "@/room/chat.css?inline";
import room from "@/room/room.css?inline";
import base from "@/styles/base.css?inline";
import forms from "@/styles/forms.css?inline";
import parts from "@/styles/parts.css?inline";
import tokens from "@/styles/tokens.css?inline";
import embed from "./embed.css?inline";

function sheetOf(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

/** Parsed once for all elements of a page. */
export const sheets: readonly CSSStyleSheet[] = [tokens, base, parts, forms, attendee, player, check, room, chat, embed].map(sheetOf);

const LATIN = "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122, U+2212";
const LATIN_EXT = "U+0100-02BA, U+02BD-02C5, U+02C7-02CC, U+1E00-1E9F, U+20A0-20AB";

let known = false;

/** Makes the font known, once for all elements; browsers load it when a text needs it. A page that forbids it shows its system's font. */
export function addFont(): void {
  if (known) return;
  known = true;
  for (const [url, unicodeRange] of [[latin, LATIN], [latinExt, LATIN_EXT]] as const) {
    document.fonts.add(new FontFace("Inter Variable", `url("${url}") format("woff2-variations")`, { weight: "100 900", display: "swap", unicodeRange }));
  }
}

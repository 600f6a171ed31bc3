/** Texts by key. English is complete; another language is another folder beside `en`. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { attendee } from "./en/attendee";
import { common } from "./en/common";
import { organiser } from "./en/organiser";
import { player } from "./en/player";
import { replayTexts } from "./en/replays";
import { room } from "./en/room";

export const en = { ...common, attendee, organiser: { ...organiser, ...replayTexts }, player, room };

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

void i18next.use(initReactI18next).init({
  lng: "en",
  fallbackLng: "en",
  resources: { en: { translation: en } },
  interpolation: { escapeValue: false },
  returnNull: false,
});

export default i18next;

/** Brings the organiser's texts. */
import { addTexts } from ".";
import { organiser } from "./en/organiser";
import { replayTexts } from "./en/replays";

addTexts({ organiser: { ...organiser, ...replayTexts } });

/** `<dais-stage event="…" stage="…" token="…">`: the picture of a stage, before, live and after. */
import { Stage } from "@/attendee/stage/stage";
import { define } from "./element";

define("dais-stage", { place: "stage", pattern: "/e/:eventId/stages/:stageId", Screen: Stage });

/** `<dais-replay event="…" replay="…" token="…">`: one replay. */
import { Replay } from "@/attendee/replay";
import { define } from "./element";

define("dais-replay", { place: "replay", pattern: "/e/:eventId/replays/:replayId", Screen: Replay });

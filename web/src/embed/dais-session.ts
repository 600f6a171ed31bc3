/** `<dais-session event="…" session="…" token="…">`: device check and call. */
import { Session } from "@/attendee/session/session";
import { define } from "./element";

define("dais-session", { place: "session", pattern: "/e/:eventId/sessions/:sessionId", Screen: Session });

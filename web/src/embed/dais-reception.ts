/** `<dais-reception event="…" token="…">`: what is on, what comes, what was missed. */
import { Reception } from "@/attendee/reception/reception";
import { define } from "./element";

define("dais-reception", { place: undefined, pattern: "/e/:eventId", Screen: Reception });

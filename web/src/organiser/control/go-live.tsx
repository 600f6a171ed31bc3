/** The big button: three seconds to change one's mind, then the stage is on air. */
import { Radio } from "lucide-react";
import { useEffect, useEffectEvent, useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";

const SECONDS = 3;

/** ```text
 * ready ──press──▶ counting 3, 2, 1 ──▶ sending
 *   ▲──────────cancel─────┘
 * ``` */
type State = { state: "ready" } | { state: "counting"; left: number } | { state: "sending" };

export function GoLive({ disabled, onGoLive }: { disabled: boolean; onGoLive: () => Promise<unknown> }) {
  const [state, setState] = useState<State>({ state: "ready" });
  const send = useEffectEvent(() => {
    setState({ state: "sending" });
    onGoLive().finally(() => setState({ state: "ready" })).catch(() => undefined);
  });
  const left = state.state === "counting" ? state.left : undefined;
  useEffect(() => {
    if (left === undefined) return undefined;
    const timer = setTimeout(() => (left > 1 ? setState({ state: "counting", left: left - 1 }) : send()), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  switch (state.state) {
    case "ready":
      return (
        <Button kind="air" size="lg" disabled={disabled} icon={<Radio size={18} aria-hidden />} onClick={() => setState({ state: "counting", left: SECONDS })}>
          {t("organiser.control.goLive")}
        </Button>
      );
    case "counting":
      return (
        <span className="row">
          <span className="go-live-count" role="status" aria-live="assertive">
            {t("organiser.control.goingLiveIn", { seconds: state.left })}
          </span>
          <Button size="lg" autoFocus onClick={() => setState({ state: "ready" })}>
            {t("common.cancel")}
          </Button>
        </span>
      );
    case "sending":
      return (
        <Button kind="air" size="lg" busy>
          {t("organiser.control.goingLive")}
        </Button>
      );
  }
}

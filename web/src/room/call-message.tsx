/** The screen of a call that is joining, over, or failed. */
import { PhoneOff } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { Button, ButtonLink } from "@/ui/button";
import { MainContent } from "@/ui/main-content";
import type { CallFailure } from "./failures";

function Screen({ children }: { children: ReactNode }) {
  return (
    <MainContent className="call-message">
      {children}
    </MainContent>
  );
}

export function CallJoining() {
  return (
    <Screen>
      <span className="spinner" aria-hidden />
      <p role="status">{t("room.joining")}</p>
    </Screen>
  );
}

export function CallEnded({ failure, onRetry, back }: { failure: CallFailure | undefined; onRetry: () => void; back: { to: string; label: string } }) {
  return (
    <Screen>
      <span className="empty" style={{ padding: 0 }}>
        <span className="mark">
          <PhoneOff size={24} aria-hidden />
        </span>
      </span>
      <h1>{failure ? t(`room.failure.${failure}_title`) : t("room.left")}</h1>
      <p className="muted">{failure ? t(`room.failure.${failure}_text`) : t("room.leftText")}</p>
      <div className="row wrap" style={{ justifyContent: "center" }}>
        <ButtonLink to={back.to}>{back.label}</ButtonLink>
        <Button kind="primary" onClick={onRetry}>
          {t("room.joinAgain")}
        </Button>
      </div>
    </Screen>
  );
}

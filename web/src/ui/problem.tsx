/** A failed wait: what happened, what to do, and one button to try again. */
import { CloudOff, Compass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { isRouteErrorResponse, useRouteError } from "react-router";
import { problemText } from "@/api/problem";
import { Button, ButtonLink } from "./button";
import { Empty, Notice } from "./parts";

export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  return (
    <Empty
      icon={<CloudOff size={24} aria-hidden />}
      title={t("problem.title")}
      text={problemText(t, error)}
      action={onRetry && <Button onClick={onRetry}>{t("common.tryAgain")}</Button>}
    />
  );
}

/** A refused form or action, beside the button that was pressed. */
export function ProblemNotice({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!error) return null;
  return <Notice kind="warn">{problemText(t, error)}</Notice>;
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="page narrow" id="content">
      <Empty
        icon={<Compass size={24} aria-hidden />}
        title={t("problem.pageTitle")}
        text={t("problem.pageText")}
        action={<ButtonLink to="/">{t("common.back")}</ButtonLink>}
      />
    </main>
  );
}

/** Catches what a screen throws, so that the rest of the app stays. */
export function ScreenError() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  return (
    <main className="page narrow" id="content">
      <Problem error={error} onRetry={() => window.location.reload()} />
    </main>
  );
}

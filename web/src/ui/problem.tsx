/** A failed wait: what happened, what to do, and one button to try again. */
import { CloudOff, Compass } from "lucide-react";
import { t } from "@/i18n";
import { problemText } from "@/api/problem";
import { Button, ButtonLink } from "./button";
import { Empty, Notice } from "./parts";

export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <Empty
      icon={<CloudOff size={24} aria-hidden />}
      title={t("problem.title")}
      text={problemText(error)}
      action={onRetry && <Button onClick={onRetry}>{t("common.tryAgain")}</Button>}
    />
  );
}

/** A refused form or action, beside the button that was pressed. */
export function ProblemNotice({ error }: { error: unknown }) {
  if (!error) return null;
  return <Notice kind="warn">{problemText(error)}</Notice>;
}

export function NotFound() {
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

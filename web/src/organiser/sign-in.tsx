/** Signing in: by the one-time link in the address, or by email and password. */
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef } from "react";
import { t } from "@/i18n";
import "@/i18n/organiser";
import { useNavigate } from "react-router";
import { signIn, signInByLink } from "@/api/organiser";
import { ApiProblem, problemText } from "@/api/problem";
import { useHashValue, useTitle } from "@/lib/hooks";
import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import { Frame } from "@/ui/frame";
import { Notice } from "@/ui/parts";
import { keepSession } from "./session";

export function SignIn() {
  useTitle(t("organiser.signIn.title"));
  const navigate = useNavigate();
  const token = useHashValue("token");
  const used = useRef(false);
  const byLink = useMutation({ mutationFn: signInByLink });
  const byPassword = useMutation({ mutationFn: signIn });
  const enter = async (session: ReturnType<typeof signIn>) => {
    keepSession(await session);
    await navigate("/events", { replace: true });
  };
  useEffect(() => {
    // The link works once: the second run of this effect while developing must not spend it again.
    if (!token || used.current) return;
    used.current = true;
    enter(byLink.mutateAsync(token)).catch(() => undefined);
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    enter(byPassword.mutateAsync({ email: String(form.get("email")), password: String(form.get("password")) })).catch(() => undefined);
  };
  if (token && !byLink.isError) {
    return (
      <Frame home="/" name={t("common.dais")}>
        <main className="join" id="content">
          <p className="row" role="status">
            <span className="spinner" aria-hidden />
            {t("organiser.signIn.withLink")}
          </p>
        </main>
      </Frame>
    );
  }
  const wrong = byPassword.error instanceof ApiProblem && byPassword.error.status === 401;
  return (
    <Frame home="/" name={t("common.dais")}>
      <main className="card join" id="content">
        <div>
          <h1>{t("organiser.signIn.title")}</h1>
          <p className="muted">{t("organiser.signIn.text")}</p>
        </div>
        {byLink.isError && <Notice kind="warn">{t("organiser.signIn.linkFailed")}</Notice>}
        <form className="col" onSubmit={submit}>
          <TextField label={t("organiser.signIn.email")} name="email" type="email" autoComplete="username" required />
          <TextField label={t("organiser.signIn.password")} name="password" type="password" autoComplete="current-password" required />
          {byPassword.isError && <Notice kind="warn">{wrong ? t("organiser.signIn.wrong") : problemText(byPassword.error)}</Notice>}
          <Button kind="primary" size="lg" type="submit" busy={byPassword.isPending}>
            {t("organiser.signIn.action")}
          </Button>
        </form>
      </main>
    </Frame>
  );
}

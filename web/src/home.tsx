/** The root address: organisers go on to their events, everybody else learns what to open. */
import { Ticket } from "lucide-react";
import { t } from "@/i18n";
import { Navigate } from "react-router";
import { useSession } from "./organiser/session";
import { ButtonLink } from "./ui/button";
import { Frame } from "./ui/frame";
import { Empty } from "./ui/parts";

export function Home() {
  const session = useSession();
  if (session.isSuccess) return <Navigate to="/events" replace />;
  return (
    <Frame home="/" name={t("common.dais")}>
      <main className="page narrow" id="content">
        {!session.isPending && (
          <Empty
            icon={<Ticket size={24} aria-hidden />}
            title={t("home.title")}
            text={t("home.text")}
            action={
              <ButtonLink to="/sign-in" kind="primary" size="lg">
                {t("home.signIn")}
              </ButtonLink>
            }
          />
        )}
      </main>
    </Frame>
  );
}

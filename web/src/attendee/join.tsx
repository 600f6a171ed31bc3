/** Opens an invitation link, then the event that it is for. */
import { useMutation } from "@tanstack/react-query";
import { Ticket } from "lucide-react";
import { useEffect, useRef } from "react";
import { t } from "@/i18n";
import { Navigate, useNavigate, useParams } from "react-router";
import { enterInvited } from "@/api/experience";
import { ApiProblem } from "@/api/problem";
import { useHashValue, useTitle } from "@/lib/hooks";
import { Frame } from "@/ui/frame";
import { Empty } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { keepExperience } from "./experience";

export function Join() {
  useTitle(t("attendee.join.title"));
  const { eventId } = useParams();
  const navigate = useNavigate();
  const invitation = useHashValue("invitation");
  const used = useRef(false);
  const { mutate, isError, error } = useMutation({
    mutationFn: enterInvited,
    onSuccess: async (experience) => {
      keepExperience(experience);
      const { event, person } = experience;
      const backstage = person.role === "speaker" && person.stage_id ? `/stages/${person.stage_id}/backstage` : "";
      await navigate(`/e/${event.slug}${backstage}`, { replace: true });
    },
  });
  useEffect(() => {
    if (!invitation || used.current) return;
    used.current = true;
    mutate(invitation);
  }, [invitation, mutate]);
  if (!invitation && eventId) return <Navigate to={`/e/${eventId}`} replace />;
  const refused = !invitation || (error instanceof ApiProblem && error.status >= 400 && error.status < 500 && error.status !== 429);
  return (
    <Frame home="/" name={t("common.dais")}>
      <main className="join" id="content">
        {!isError && invitation && (
          <p className="row" role="status">
            <span className="spinner" aria-hidden />
            {t("attendee.join.opening")}
          </p>
        )}
        {refused && <Empty icon={<Ticket size={24} aria-hidden />} title={t("attendee.join.invalidTitle")} text={t("attendee.join.invalidText")} />}
        {isError && !refused && <Problem error={error} onRetry={() => mutate(invitation)} />}
      </main>
    </Frame>
  );
}

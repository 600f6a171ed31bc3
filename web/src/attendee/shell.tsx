/** Lets a person into an event, by what this tab holds: a token, or the organiser's session. */
import "./attendee.css";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { Outlet, useParams } from "react-router";
import { getMe, getPreview } from "@/api/experience";
import type { EventPreview, Experience } from "@/api/types";
import { MainContent } from "@/ui/main-content";
import { SkeletonList } from "@/ui/parts";
import { NotFound, Problem } from "@/ui/problem";
import { ApiProblem } from "@/api/problem";
import { useSession } from "@/organiser/session";
import { forgetExperience, keepExperience, type Inside, InsideContext, storedExperience } from "./experience";
import { type EnterFormProps, EnterScreen } from "./enter-form";

function Waiting() {
  return (
    <MainContent className="page">
      <SkeletonList rows={3} height={140} />
    </MainContent>
  );
}

export function AttendeeShell() {
  const { eventId: slug = "" } = useParams();
  const preview = useQuery({ queryKey: ["preview", slug], queryFn: () => getPreview(slug), staleTime: 60_000 });
  if (preview.isPending) return <Waiting />;
  if (preview.isError) {
    if (preview.error instanceof ApiProblem && preview.error.status === 404) return <NotFound />;
    return <Problem error={preview.error} onRetry={() => void preview.refetch()} />;
  }
  return <Door key={preview.data.id} event={preview.data} />;
}

function Door({ event }: { event: EventPreview }) {
  const [stored, setStored] = useState(() => storedExperience(event.id));
  const token = stored?.token;
  const me = useQuery({ queryKey: ["me", token], queryFn: () => getMe({ kind: "person", token: token ?? "" }), enabled: token !== undefined, staleTime: Number.POSITIVE_INFINITY });
  const refused = me.error instanceof ApiProblem && me.error.status === 401;
  useEffect(() => {
    // Expired, or withdrawn by the organiser: back to the door.
    if (!refused) return;
    forgetExperience(event.id);
    setStored(undefined);
  }, [refused, event.id]);
  const enter = (experience: Experience) => {
    keepExperience(experience);
    setStored({ token: experience.token, person: experience.person });
  };
  if (stored) return <Screens event={event} caller={{ kind: "person", token: stored.token }} person={stored.person} />;
  return <OrganiserOrForm event={event} onEnter={enter} />;
}

function OrganiserOrForm({ event, onEnter }: EnterFormProps) {
  const session = useSession();
  if (session.isPending) return <Waiting />;
  if (session.isSuccess) return <Screens event={event} caller={{ kind: "organiser" }} person={undefined} />;
  return <EnterScreen event={event} onEnter={onEnter} />;
}

function Screens({ event, caller, person }: Inside) {
  const token = caller.kind === "person" ? caller.token : undefined;
  const inside = useMemo<Inside>(() => ({ event, caller: token ? { kind: "person", token } : { kind: "organiser" }, person }), [event, token, person]);
  return (
    <InsideContext value={inside}>
      <Outlet />
    </InsideContext>
  );
}

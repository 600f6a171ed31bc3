/** A session: a room where everybody may be on screen. */
import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { t } from "@/i18n";
import { useParams } from "react-router";
import { getSession, joinSession } from "@/api/experience";
import { useTitle } from "@/lib/hooks";
import { Page } from "@/ui/frame";
import { SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "../experience";
import { AttendeeFrame } from "../frame";
import { RoomScreen } from "../room-screen";

export function Session() {
  const { sessionId = "" } = useParams();
  const { event, caller } = useInside();
  const session = useQuery({ queryKey: ["session", sessionId, caller.kind], queryFn: () => getSession(caller, sessionId) });
  useTitle(session.data?.title);
  const enter = useCallback((onScreen: boolean) => joinSession(caller, sessionId, onScreen), [caller, sessionId]);
  if (!session.data) {
    return (
      <AttendeeFrame>
        <Page>{session.isError ? <Problem error={session.error} onRetry={() => void session.refetch()} /> : <SkeletonList />}</Page>
      </AttendeeFrame>
    );
  }
  return (
    <RoomScreen
      title={session.data.title}
      check={{ title: session.data.title, text: t("attendee.session.text"), join: t("attendee.session.join") }}
      back={{ to: `/e/${event.slug}`, label: t("attendee.nav.reception") }}
      enter={enter}
      chat
      watch={{ label: t("attendee.session.watch"), hint: t("attendee.session.watchText") }}
    />
  );
}

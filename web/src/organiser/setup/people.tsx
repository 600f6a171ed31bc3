/** Invitations: one link per person. */
import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { t } from "@/i18n";
import { listInvitations, revokeInvitation } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { Invitation } from "@/api/types";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { CopyButton } from "@/ui/copy";
import { Avatar, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { Invite } from "./invite";

export function People({ eventId }: { eventId: string }) {
  const [inviting, setInviting] = useState(false);
  const invitations = useQuery({ queryKey: ["invitations", eventId], queryFn: () => listInvitations(eventId) });
  const items = invitations.data?.items.filter((invitation) => !invitation.revoked_at) ?? [];
  return (
    <section aria-labelledby="people">
      <div className="section-head">
        <h2 id="people" className="grow">
          {t("organiser.people.title")}
        </h2>
        <Button size="sm" icon={<Plus size={16} aria-hidden />} onClick={() => setInviting(true)}>
          {t("organiser.people.invite")}
        </Button>
      </div>
      {invitations.isPending && <SkeletonList rows={2} height={52} />}
      {invitations.isError && <Problem error={invitations.error} onRetry={() => void invitations.refetch()} />}
      {invitations.isSuccess && (
        <div className="card divided">
          {items.map((invitation) => (
            <Row key={invitation.id} eventId={eventId} invitation={invitation} />
          ))}
          {items.length === 0 && <p className="list-empty muted">{t("organiser.people.empty")}</p>}
        </div>
      )}
      <Invite open={inviting} onClose={() => setInviting(false)} eventId={eventId} />
    </section>
  );
}

function Row({ eventId, invitation }: { eventId: string; invitation: Invitation }) {
  const [revoking, setRevoking] = useState(false);
  const revoke = async () => {
    await revokeInvitation(eventId, invitation.id);
    await queryClient.invalidateQueries({ queryKey: ["invitations", eventId] });
  };
  return (
    <div className="list-row">
      <Avatar name={invitation.name} />
      <div className="grow">
        <h3 className="ellipsis">{invitation.name}</h3>
        <p className="tiny">
          {t(`organiser.people.role_${invitation.role}`)}
          {invitation.accepted_at && ` · ${t("organiser.people.accepted")}`}
        </p>
      </div>
      <CopyButton text={invitation.link} label={t("organiser.people.copy")} />
      <Button kind="ghost" size="sm" className="icon-only" aria-label={t("organiser.people.revoke")} onClick={() => setRevoking(true)} icon={<Trash2 size={16} aria-hidden />} />
      <Confirm
        open={revoking}
        onClose={() => setRevoking(false)}
        title={t("organiser.people.revokeTitle")}
        text={t("organiser.people.revokeText", { name: invitation.name })}
        action={t("organiser.people.revoke")}
        onConfirm={revoke}
      />
    </div>
  );
}

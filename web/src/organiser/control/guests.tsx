/** Who may come to this stage, who is here, and the link of who is not. */
import { useQuery } from "@tanstack/react-query";
import { t } from "@/i18n";
import { listInvitations } from "@/api/organiser";
import type { Invitation, StageStatus } from "@/api/types";
import { CopyButton } from "@/ui/copy";
import { Avatar, Chip } from "@/ui/parts";

type Whereabouts = "here" | "opened" | "invited";

function whereabouts(invitation: Invitation, status: StageStatus): Whereabouts {
  if (status.backstage.some((person) => person.kind === "speaker" && person.name === invitation.name)) return "here";
  return invitation.accepted_at ? "opened" : "invited";
}

export function Guests({ eventId, status }: { eventId: string; status: StageStatus }) {
  const invitations = useQuery({ queryKey: ["invitations", eventId], queryFn: () => listInvitations(eventId), refetchInterval: 10_000 });
  const speakers = (invitations.data?.items ?? [])
    .filter((invitation) => invitation.role === "speaker" && !invitation.revoked_at && (!invitation.stage_id || invitation.stage_id === status.stage_id))
    .toReversed();
  return (
    <section className="card control-guests" aria-labelledby="guests">
      <h2 id="guests">{t("organiser.guests.title")}</h2>
      {speakers.length === 0 && <p className="small muted">{t("organiser.guests.empty")}</p>}
      <ul className="divided">
        {speakers.map((invitation) => {
          const where = whereabouts(invitation, status);
          return (
            <li className="guest-row" key={invitation.id}>
              <Avatar name={invitation.name} />
              <span className="grow ellipsis">{invitation.name}</span>
              <Chip kind={where === "here" ? "good" : "plain"}>{t(`organiser.guests.${where}`)}</Chip>
              <CopyButton text={invitation.link} label={t("organiser.people.copy")} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

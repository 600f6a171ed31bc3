/** The organiser's top bar. */
import { LogOut, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { useNavigate } from "react-router";
import { signOut } from "@/api/organiser";
import type { Event } from "@/api/types";
import { Frame, type Place } from "@/ui/frame";
import { Menu, MenuItem } from "@/ui/menu";
import { Avatar } from "@/ui/parts";
import { Account } from "./account";
import { useState } from "react";
import { dropSession, useSession } from "./session";

function AccountMenu() {
  const navigate = useNavigate();
  const session = useSession();
  const [account, setAccount] = useState(false);
  const name = session.data?.organiser.name ?? "";
  const leave = async () => {
    await signOut().catch(() => undefined);
    dropSession();
    await navigate("/sign-in");
  };
  return (
    <>
      <Menu
        trigger={
          <button type="button" className="btn ghost icon-only" aria-label={t("organiser.account.title")}>
            <Avatar name={name} />
          </button>
        }
      >
        <MenuItem icon={<UserRound size={16} aria-hidden />} onSelect={() => setAccount(true)}>
          {t("organiser.account.title")}
        </MenuItem>
        <MenuItem icon={<LogOut size={16} aria-hidden />} onSelect={() => void leave()}>
          {t("organiser.signOut")}
        </MenuItem>
      </Menu>
      {session.data && <Account open={account} onClose={() => setAccount(false)} organiser={session.data.organiser} />}
    </>
  );
}

export function OrganiserFrame({ event, children }: { event?: Event | undefined; children: ReactNode }) {
  const places: readonly Place[] = event
    ? [
        { to: `/events/${event.id}`, label: t("organiser.event.setUp"), end: true },
        { to: `/events/${event.id}/replays`, label: t("organiser.event.replays") },
      ]
    : [];
  return (
    <Frame home="/events" name={event?.title ?? t("common.dais")} places={places} side={<AccountMenu />}>
      {children}
    </Frame>
  );
}

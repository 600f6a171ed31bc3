/** Replays of an event: watch, captions, upload, delete. */
import "../organiser.css";
import { useQuery } from "@tanstack/react-query";
import { Clapperboard } from "lucide-react";
import { t } from "@/i18n";
import { listReplays } from "@/api/organiser";
import { useTitle } from "@/lib/hooks";
import { Page } from "@/ui/frame";
import { Empty, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { OrganiserFrame } from "../frame";
import { useEvent } from "../setup/setup";
import { ReplayRow } from "./replay-row";
import { Upload } from "./upload";

export function Replays() {
  useTitle(t("organiser.replays.title"));
  const event = useEvent();
  const eventId = event.data?.id;
  const replays = useQuery({ queryKey: ["replays", eventId], queryFn: () => listReplays(eventId ?? ""), enabled: eventId !== undefined, refetchInterval: 3000 });
  const items = replays.data?.items ?? [];
  return (
    <OrganiserFrame event={event.data}>
      <Page>
        <div className="page-head">
          <h1>{t("organiser.replays.title")}</h1>
        </div>
        {event.isError && <Problem error={event.error} onRetry={() => void event.refetch()} />}
        {event.data && (
          <div className="setup">
            <div className="setup-main">
              {replays.isPending && <SkeletonList />}
              {replays.isError && !replays.data && <Problem error={replays.error} onRetry={() => void replays.refetch()} />}
              {replays.data && (
                <div className="card divided">
                  {items.map((replay) => (
                    <ReplayRow key={replay.id} event={event.data} replay={replay} />
                  ))}
                  {items.length === 0 && (
                    <Empty icon={<Clapperboard size={24} aria-hidden />} title={t("organiser.replays.emptyTitle")} text={t("organiser.replays.emptyText")} />
                  )}
                </div>
              )}
            </div>
            <div className="setup-side">
              <Upload eventId={event.data.id} />
            </div>
          </div>
        )}
      </Page>
    </OrganiserFrame>
  );
}

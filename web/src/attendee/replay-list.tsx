/** All replays of the event. */
import { useQuery } from "@tanstack/react-query";
import { Clapperboard } from "lucide-react";
import { t } from "@/i18n";
import { listReplays } from "@/api/experience";
import { useTitle } from "@/lib/hooks";
import { Page } from "@/ui/frame";
import { Empty, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "./experience";
import { AttendeeFrame } from "./frame";
import { ReplayRows } from "./replay-rows";

export function ReplayList() {
  useTitle(t("attendee.replay.list"));
  const { event, caller } = useInside();
  const replays = useQuery({ queryKey: ["replays", event.id, caller.kind], queryFn: () => listReplays(caller, event.id), refetchInterval: 5000 });
  return (
    <AttendeeFrame>
      <Page narrow>
        <div className="page-head">
          <h1>{t("attendee.replay.list")}</h1>
        </div>
        {replays.isPending && <SkeletonList />}
        {replays.isError && <Problem error={replays.error} onRetry={() => void replays.refetch()} />}
        {replays.data && (
          <div className="card pad">
            {replays.data.items.length > 0 ? (
              <ReplayRows replays={replays.data.items} />
            ) : (
              <Empty icon={<Clapperboard size={24} aria-hidden />} title={t("attendee.replay.none")} text={t("attendee.reception.replaysLater")} />
            )}
          </div>
        )}
      </Page>
    </AttendeeFrame>
  );
}

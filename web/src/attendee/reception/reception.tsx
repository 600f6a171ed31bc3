/** What is on now, what comes, what was missed. */
import { useQuery } from "@tanstack/react-query";
import { Mic } from "lucide-react";
import { t } from "@/i18n";
import { getReception, watchStage } from "@/api/experience";
import type { Reception as ReceptionBody } from "@/api/types";
import { useNow, useTitle } from "@/lib/hooks";
import { partOfDay, zoneName } from "@/lib/time";
import { ButtonLink } from "@/ui/button";
import { Page } from "@/ui/frame";
import { Skeleton, SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useInside } from "../experience";
import { AttendeeFrame } from "../frame";
import { sessionItem, stageItem } from "../items";
import { programmeOf } from "../model";
import { ReplayRows } from "../replay-rows";
import { Hero } from "./hero";
import { EmptySchedule, Schedule } from "./schedule";

const POLL_MS = 5000;

export function Reception() {
  const { event, caller, person } = useInside();
  useTitle(event.title);
  const now = useNow(30_000);
  const reception = useQuery({ queryKey: ["reception", event.id, caller.kind], queryFn: () => getReception(caller, event.id), refetchInterval: POLL_MS });
  const hello = t(`attendee.reception.hello_${partOfDay(now)}`);
  return (
    <AttendeeFrame online={reception.data?.people_online}>
      <Page>
        <div className="page-head">
          <div>
            <h1>{person ? t("attendee.reception.helloName", { hello, name: person.name }) : hello}</h1>
            <p className="muted">{t("attendee.reception.zone", { zone: zoneName(now) })}</p>
          </div>
        </div>
        {reception.isPending && (
          <div className="col">
            <Skeleton height={280} />
            <SkeletonList rows={2} />
          </div>
        )}
        {reception.isError && !reception.data && <Problem error={reception.error} onRetry={() => void reception.refetch()} />}
        {reception.data && <Content reception={reception.data} now={now} />}
      </Page>
    </AttendeeFrame>
  );
}

function Content({ reception, now }: { reception: ReceptionBody; now: Date }) {
  const { event, caller, person } = useInside();
  const base = `/e/${event.slug}`;
  const programme = programmeOf([...reception.stages.map((stage) => stageItem(stage, base)), ...reception.sessions.map((session) => sessionItem(session, base, now))]);
  const { hero } = programme;
  const liveStage = hero?.kind === "stage" && hero.status === "live" ? hero.id : undefined;
  const watch = useQuery({ queryKey: ["watch", liveStage], queryFn: () => watchStage(caller, liveStage ?? ""), enabled: liveStage !== undefined, staleTime: 60_000 });
  const backstage = person?.role === "speaker" ? (person.stage_id ?? reception.stages[0]?.id) : undefined;
  return (
    <div className="reception">
      <div className="reception-main">
        {hero ? <Hero item={hero} hlsUrl={watch.data?.hls_url ?? undefined} /> : <EmptySchedule />}
        {programme.live.length > 0 && <Schedule title={t("attendee.reception.alsoNow")} items={programme.live} />}
        {programme.next.length > 0 && <Schedule title={t("attendee.reception.next")} items={programme.next} />}
      </div>
      <div className="reception-side">
        {backstage && (
          <section className="card pad col">
            <h2>{t("attendee.reception.backstage")}</h2>
            <p className="small muted">{t("attendee.reception.backstageText")}</p>
            <ButtonLink to={`${base}/stages/${backstage}/backstage`} kind="primary" icon={<Mic size={18} aria-hidden />}>
              {t("attendee.reception.goBackstage")}
            </ButtonLink>
          </section>
        )}
        <section className="card pad col">
          <h2>{t("attendee.reception.missed")}</h2>
          {reception.replays.length > 0 ? <ReplayRows replays={reception.replays.slice(0, 5)} /> : <p className="small muted">{t("attendee.reception.replaysLater")}</p>}
        </section>
      </div>
    </div>
  );
}

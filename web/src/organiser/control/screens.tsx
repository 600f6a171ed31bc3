/** What is prepared and what the audience sees, side by side. */
import { MonitorOff } from "lucide-react";
import { t } from "@/i18n";
import type { StageStatus } from "@/api/types";
import { Player } from "@/player/lazy-player";
import { LiveChip } from "@/ui/parts";
import { NextScreen } from "./next-screen";
import type { Change, Programme } from "./programme";

export function Screens({ status, next, title, live, onChange }: { status: StageStatus; next: Programme; title: string; live: boolean; onChange: (change: Change) => void }) {
  return (
    <div className="screens">
      <section aria-labelledby="screen-next">
        <div className="screen-head">
          <h2 id="screen-next">{t("organiser.control.next")}</h2>
          <span className="tiny">{t(live ? "organiser.control.nextText" : "organiser.control.nowText")}</span>
        </div>
        <NextScreen programme={next} onChange={onChange} />
      </section>
      <section aria-labelledby="screen-air">
        <div className="screen-head">
          <h2 id="screen-air">{t(live ? "organiser.control.program" : "organiser.control.offAir")}</h2>
          {live && <span className="tiny">{t("organiser.control.programText")}</span>}
        </div>
        <div className="screen" data-air={live || undefined}>
          <OnAir status={status} title={title} />
        </div>
      </section>
    </div>
  );
}

function OnAir({ status, title }: { status: StageStatus; title: string }) {
  switch (status.state) {
    case "live":
    case "ending":
      return status.hls_url ? <Player key="live" src={status.hls_url} live title={title} monitor autoplay badges={<LiveChip />} /> : null;
    case "starting":
      return (
        <div className="holding">
          <span className="spinner" aria-hidden />
          <p role="status">{t("organiser.control.starting")}</p>
        </div>
      );
    case "off_air":
    case "ended":
      return (
        <div className="holding">
          <MonitorOff size={28} strokeWidth={1.5} aria-hidden />
          <h2>{t("organiser.control.offAir")}</h2>
          <p className="small">{t(status.state === "ended" ? "organiser.control.endedOffAir" : "organiser.control.offAirText")}</p>
        </div>
      );
  }
}

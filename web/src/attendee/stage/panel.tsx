/** Beside the picture: who is on stage, how to use the player, replays of this stage. */
import { t } from "@/i18n";
import type { ReplaySummary } from "@/api/types";
import { Avatar } from "@/ui/parts";
import { ReplayRows } from "../replay-rows";

export interface PanelProps {
  live: boolean;
  /** There is a player to explain. */
  playing: boolean;
  onStage: readonly string[];
  replays: readonly ReplaySummary[];
}

export function Panel({ live, playing, onStage, replays }: PanelProps) {
  return (
    <aside className="card watch-panel">
      <section className="col" aria-labelledby="on-stage">
        <h2 id="on-stage">{t("attendee.stage.onStage")}</h2>
        {onStage.length === 0 ? (
          <p className="small muted">{t("attendee.stage.nobodyOnStage")}</p>
        ) : (
          <ul>
            {onStage.map((name, index) => (
              <li className="person-row" key={`${name} ${index}`}>
                <Avatar name={name} />
                {name}
              </li>
            ))}
          </ul>
        )}
      </section>
      {live && <p className="small muted">{t("attendee.stage.behindHint")}</p>}
      {playing && <p className="small muted">{t("attendee.stage.captionsHint")}</p>}
      {replays.length > 0 && (
        <section className="col" aria-label={t("attendee.replay.list")}>
          <h2>{t("attendee.replay.list")}</h2>
          <ReplayRows replays={replays.slice(0, 4)} />
        </section>
      )}
    </aside>
  );
}

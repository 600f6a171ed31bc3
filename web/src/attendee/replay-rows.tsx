/** Replays as rows with a picture. */
import { Play } from "lucide-react";
import { t } from "@/i18n";
import { Link } from "react-router";
import type { ReplaySummary } from "@/api/types";
import { useNow } from "@/lib/hooks";
import { clock, dayAndTime } from "@/lib/time";
import { useInside } from "./experience";

export function ReplayRows({ replays }: { replays: readonly ReplaySummary[] }) {
  const { event } = useInside();
  const now = useNow(60_000);
  return (
    <ul className="col">
      {replays.map((replay) => (
        <li key={replay.id}>
          <Link to={`/e/${event.slug}/replays/${replay.id}`} className="replay-row">
            <span className="replay-thumb" aria-hidden>
              <Play size={18} />
              {replay.poster_url && <img src={replay.poster_url} alt="" loading="lazy" />}
            </span>
            <span className="col replay-text">
              <b className="small">{replay.title}</b>
              <span className="tiny">
                {replay.state === "ready" && replay.duration_ms !== null && replay.duration_ms !== undefined ? clock(replay.duration_ms, true) : t(`attendee.replay.state_${replay.state}`)}
                {` · ${dayAndTime(new Date(replay.created_at), now)}`}
              </span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

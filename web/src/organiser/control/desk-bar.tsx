/** Layouts, and the one large button: "Go live", or "Take to air" while on air. */
import { Check, Clapperboard } from "lucide-react";
import { t } from "@/i18n";
import type { StageState } from "@/api/types";
import { Button } from "@/ui/button";
import type { Draft } from "./draft";
import { GoLive } from "./go-live";
import { LayoutPicker } from "./layout-picker";

export function DeskBar({ draft, live, state, onGoLive }: { draft: Draft; live: boolean; state: StageState; onGoLive: () => Promise<unknown> }) {
  return (
    <section className="card control-bar" aria-label={t("organiser.control.layout")}>
      <LayoutPicker value={draft.next.layout} onChange={(layout) => draft.change({ do: "layout", layout })} />
      <span className="grow" />
      {live ? (
        <Button
          kind={draft.pending ? "primary" : "plain"}
          size="lg"
          disabled={!draft.pending || state === "ending"}
          busy={draft.busy}
          icon={draft.pending ? <Clapperboard size={18} aria-hidden /> : <Check size={18} aria-hidden />}
          onClick={() => void draft.take()}
        >
          {t(draft.pending ? "organiser.control.take" : "organiser.control.taken")}
        </Button>
      ) : (
        <div className="go-live">
          <GoLive disabled={draft.busy} onGoLive={onGoLive} />
          {draft.next.on_stage.length === 0 && <span className="tiny">{t("organiser.control.goLiveEmpty")}</span>}
        </div>
      )}
    </section>
  );
}

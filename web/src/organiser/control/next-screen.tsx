/** The picture that is being prepared, made of the live tiles. */
import { type TrackReferenceOrPlaceholder, useTracks } from "@livekit/components-react";
import { Track } from "livekit-client";
import { ArrowLeftToLine } from "lucide-react";
import { type CSSProperties, type DragEvent, useState } from "react";
import { t } from "@/i18n";
import { Tile } from "@/room/tile";
import { DRAG_TYPE } from "./backstage";
import type { Change, Programme } from "./programme";
import { type Rect, stageRects } from "./stage-layout";

function isTile(tile: TrackReferenceOrPlaceholder | undefined): tile is TrackReferenceOrPlaceholder {
  return tile !== undefined;
}

const percent = (part: number) => `${part * 100}%`;

function styleOf(rect: Rect): CSSProperties {
  return { left: percent(rect.left), top: percent(rect.top), width: percent(rect.width), height: percent(rect.height) };
}

export function NextScreen({ programme, onChange }: { programme: Programme; onChange: (change: Change) => void }) {
  const [over, setOver] = useState(false);
  const tracks = useTracks([{ source: Track.Source.Camera, withPlaceholder: true }]);
  const tiles = programme.on_stage.map((identity) => tracks.find((track) => track.participant.identity === identity)).filter(isTile);
  const rects = stageRects({ ...programme, on_stage: tiles.map((tile) => tile.participant.identity) });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const identity = event.dataTransfer.getData(DRAG_TYPE);
    if (identity && !programme.on_stage.includes(identity)) onChange({ do: "toggle", identity });
  };
  const allow = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    <div className="screen" data-over={over || undefined} onDragOver={allow} onDragLeave={() => setOver(false)} onDrop={drop}>
      {rects.map((rect, index) => {
        const tile = tiles[index];
        if (!tile) return null;
        const { identity, name } = tile.participant;
        return (
          <div key={identity} className="screen-cell" style={styleOf(rect)}>
            <Tile tile={tile} />
            {index > 0 && (
              <button
                type="button"
                className="screen-first"
                aria-label={t("organiser.control.makeFirst", { name: name || identity })}
                title={t("organiser.control.makeFirst", { name: name || identity })}
                onClick={() => onChange({ do: "first", identity })}
              >
                <ArrowLeftToLine size={15} aria-hidden />
              </button>
            )}
          </div>
        );
      })}
      {rects.length === 0 && <p className="screen-empty">{t("organiser.control.dropHere")}</p>}
      {tiles.length > rects.length && <span className="screen-more chip on-video">{t("organiser.control.notShown", { count: tiles.length - rects.length })}</span>}
    </div>
  );
}

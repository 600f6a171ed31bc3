/** The tiles of a call. Each tile slides to its new place when people come and go. */
import { type CSSProperties, useMemo, useState } from "react";
import { t } from "@/i18n";
import { useMediaQuery, useSize } from "@/lib/hooks";
import { focusPlacement, gridPlacement, type Place } from "./grid";
import { Tile } from "./tile";
import { tileKey, useTiles } from "./tiles";

function styleOf(place: Place): CSSProperties {
  return { transform: `translate(${place.x}px, ${place.y}px)`, width: place.width, height: place.height };
}

export function TileGrid() {
  const [pinned, setPinned] = useState<string>();
  const [container, setContainer] = useState<HTMLDivElement | null>(null);
  const { tiles, focus } = useTiles(pinned);
  const size = useSize(container);
  const gap = useMediaQuery("(max-width: 720px)") ? 8 : 12;
  const placement = useMemo(() => {
    if (!size) return undefined;
    return focus ? focusPlacement(tiles.length, size, gap) : gridPlacement(tiles.length, size, gap);
  }, [size, focus, tiles.length, gap]);
  // One order in the document, whoever is large: moving a playing video in the document makes it flicker.
  const stable = useMemo(() => tiles.map((tile, index) => ({ tile, index })).toSorted((a, b) => tileKey(a.tile).localeCompare(tileKey(b.tile))), [tiles]);
  return (
    <div className="tiles" ref={setContainer} role="group" aria-label={t("room.tiles")}>
      <div style={{ height: placement?.height ?? "100%" }} />
      {placement &&
        stable.map(({ tile, index }) => {
          const place = placement.places[index];
          const key = tileKey(tile);
          if (!place) return null;
          return (
            <div className="tile-place" key={key} style={styleOf(place)}>
              <Tile tile={tile} pinned={pinned === key} onPin={() => setPinned(pinned === key ? undefined : key)} />
            </div>
          );
        })}
      {tiles.length === 0 && <p className="tiles-empty">{t("room.nobody")}</p>}
    </div>
  );
}

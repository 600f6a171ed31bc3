/** Where the mixer will put the tiles: the same rule as `mixer/core/src/layout.rs`, in parts of the picture. */
import type { Programme } from "./programme";
import { shown } from "./programme";

export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

const CANVAS = { width: 1280, height: 720 } as const;
/** Space between tiles and around them, in pixels of the canvas. */
const GAP = 8;
/** More are heard, not seen. */
const MAX_TILES = 25;

function tileWidth(columns: number, rows: number): number {
  const width = (CANVAS.width - (columns + 1) * GAP) / columns;
  const height = (CANVAS.height - (rows + 1) * GAP) / rows;
  // 16:9 of whole even pixels: steps of 32 × 18.
  return Math.floor(Math.min(width, (height * CANVAS.width) / CANVAS.height) / 32) * 32;
}

function bestColumns(count: number): number {
  let best = 1;
  for (let columns = 2; columns <= count; columns += 1) {
    const wider = tileWidth(columns, Math.ceil(count / columns)) - tileWidth(best, Math.ceil(count / best));
    if (wider > 0 || (wider === 0 && Math.ceil(count / columns) < Math.ceil(count / best))) best = columns;
  }
  return best;
}

/** One rectangle per person that the picture shows, as fractions of it. */
export function stageRects(programme: Programme): readonly Rect[] {
  const count = Math.min(MAX_TILES, shown(programme));
  if (count <= 1) return Array.from({ length: count }, () => ({ left: 0, top: 0, width: 1, height: 1 }));
  const columns = bestColumns(count);
  const rows = Math.ceil(count / columns);
  const width = tileWidth(columns, rows);
  const height = (width * CANVAS.height) / CANVAS.width;
  const top = (CANVAS.height - rows * height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (CANVAS.width - inRow * width - (inRow - 1) * GAP) / 2;
    return {
      left: (left + (index % columns) * (width + GAP)) / CANVAS.width,
      top: (top + row * (height + GAP)) / CANVAS.height,
      width: width / CANVAS.width,
      height: height / CANVAS.height,
    };
  });
}

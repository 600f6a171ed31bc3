/** Where the tiles of a call go. Pure geometry: no element, no state. */

export interface Box {
  width: number;
  height: number;
}

export interface Place extends Box {
  x: number;
  y: number;
}

export interface Placement {
  places: readonly Place[];
  /** Height that the tiles need; more than the container's when it scrolls. */
  height: number;
}

const RATIO = 16 / 9;
/** Height of a tile by its width, at most: 4 : 3 in a wide window, upright on a phone. */
const TALLEST = 3 / 4;
const TALLEST_UPRIGHT = 5 / 4;
/** Narrower tiles show no face; the grid scrolls instead. */
const MIN_TILE_WIDTH = 150;

interface Candidate {
  columns: number;
  width: number;
  height: number;
}

function candidate(count: number, columns: number, box: Box, gap: number): Candidate {
  const rows = Math.ceil(count / columns);
  const maxWidth = (box.width - gap * (columns - 1)) / columns;
  const maxHeight = (box.height - gap * (rows - 1)) / rows;
  const width = Math.min(maxWidth, maxHeight * RATIO);
  // Tiles may be higher than their picture to fill the window, but not so high that faces are cut off.
  const highest = width * (box.height > box.width ? TALLEST_UPRIGHT : TALLEST);
  return { columns, width, height: Math.min(maxHeight, highest) };
}

/** Equal tiles, as large as possible; an incomplete last row is centred. */
export function gridPlacement(count: number, box: Box, gap: number): Placement {
  if (count === 0 || box.width <= 0 || box.height <= 0) return { places: [], height: 0 };
  const candidates = Array.from({ length: count }, (_, index) => candidate(count, index + 1, box, gap));
  const usable = candidates.filter((one) => one.width >= Math.min(MIN_TILE_WIDTH, box.width));
  const best = usable.reduce<Candidate | undefined>((a, b) => (a && a.width * a.height >= b.width * b.height ? a : b), undefined);
  return best ? lay(count, best, box, gap) : scrolling(count, box, gap);
}

/** More tiles than fit: two or more columns of small tiles in a container that scrolls. */
function scrolling(count: number, box: Box, gap: number): Placement {
  const columns = Math.max(1, Math.floor((box.width + gap) / (MIN_TILE_WIDTH + gap)));
  const width = (box.width - gap * (columns - 1)) / columns;
  return lay(count, { columns, width, height: width / RATIO }, box, gap);
}

function lay(count: number, { columns, width, height }: Candidate, box: Box, gap: number): Placement {
  const rows = Math.ceil(count / columns);
  const total = rows * height + (rows - 1) * gap;
  const top = Math.max(0, (box.height - total) / 2);
  const places = Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (box.width - inRow * width - (inRow - 1) * gap) / 2;
    return { x: left + (index % columns) * (width + gap), y: top + row * (height + gap), width, height };
  });
  return { places, height: Math.max(box.height, total) };
}

/** One tile large (index 0), the others in a strip: at the side of a wide box, below in a tall one. */
export function focusPlacement(count: number, box: Box, gap: number): Placement {
  if (count <= 1) return gridPlacement(count, box, gap);
  const wide = box.width > box.height * 1.15;
  const strip = wide ? Math.min(220, box.width * 0.22) : Math.min(120, box.height * 0.2);
  const first: Place = wide
    ? { x: 0, y: 0, width: box.width - strip - gap, height: box.height }
    : { x: 0, y: 0, width: box.width, height: box.height - strip - gap };
  const size: Box = wide ? { width: strip, height: strip / RATIO } : { width: strip * RATIO, height: strip };
  const others = Array.from({ length: count - 1 }, (_, index) =>
    wide
      ? { x: box.width - strip, y: index * (size.height + gap), ...size }
      : { x: index * (size.width + gap), y: box.height - strip, ...size },
  );
  const last = others[others.length - 1];
  return { places: [first, ...others], height: Math.max(box.height, wide && last ? last.y + last.height : 0) };
}

import { describe, expect, it } from "vitest";
import { type Box, focusPlacement, gridPlacement, type Place } from "./grid";

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.width - 0.01 && b.x < a.x + a.width - 0.01 && a.y < b.y + b.height - 0.01 && b.y < a.y + a.height - 0.01;
}

const BOXES: readonly Box[] = [
  { width: 1400, height: 740 },
  { width: 360, height: 560 },
  { width: 2500, height: 1300 },
];

describe("the grid of a call", () => {
  it("gives one person the whole width that its height allows", () => {
    const [only] = gridPlacement(1, { width: 1600, height: 900 }, 12).places;
    expect(only).toEqual({ x: 0, y: 0, width: 1600, height: 900 });
  });

  it("puts six people in three columns on a desktop", () => {
    const { places } = gridPlacement(6, { width: 1400, height: 740 }, 12);
    expect(new Set(places.map((place) => Math.round(place.x))).size).toBe(3);
  });

  it("stacks two people on a phone", () => {
    const { places } = gridPlacement(2, { width: 360, height: 560 }, 8);
    expect(places[0]?.x).toBe(places[1]?.x);
  });

  it("never lets tiles overlap or leave the width", () => {
    for (const box of BOXES) {
      for (let count = 1; count <= 30; count += 1) {
        const { places } = gridPlacement(count, box, 10);
        expect(places).toHaveLength(count);
        for (const [index, place] of places.entries()) {
          expect(place.x).toBeGreaterThanOrEqual(-0.01);
          expect(place.x + place.width).toBeLessThanOrEqual(box.width + 0.01);
          for (const other of places.slice(index + 1)) expect(overlap(place, other)).toBe(false);
        }
      }
    }
  });

  it("scrolls rather than showing tiles too small for a face", () => {
    const placement = gridPlacement(30, { width: 360, height: 400 }, 8);
    expect(placement.height).toBeGreaterThan(400);
    expect(placement.places[0]?.width).toBeGreaterThanOrEqual(150);
  });

  it("has no place for nobody", () => {
    expect(gridPlacement(0, { width: 100, height: 100 }, 8).places).toEqual([]);
  });
});

describe("a shared screen", () => {
  it("is large, with the people beside it in a wide window and below it in a tall one", () => {
    const wide = focusPlacement(4, { width: 1400, height: 740 }, 12).places;
    expect(wide[0]?.width).toBeGreaterThan(1000);
    expect(wide[1]?.x).toBeGreaterThan(wide[0]?.width ?? 0);
    const tall = focusPlacement(4, { width: 360, height: 640 }, 8).places;
    expect(tall[1]?.y).toBeGreaterThan(tall[0]?.height ?? 0);
  });
});

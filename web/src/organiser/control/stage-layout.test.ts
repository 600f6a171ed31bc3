import { describe, expect, it } from "vitest";
import { stageRects } from "./stage-layout";

const people = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);

describe("the prepared picture", () => {
  it("gives one person the whole picture", () => {
    expect(stageRects({ layout: "solo", on_stage: people(3) })).toEqual([{ left: 0, top: 0, width: 1, height: 1 }]);
  });

  it("stands two people side by side in the middle", () => {
    const [first, second] = stageRects({ layout: "side_by_side", on_stage: people(2) });
    expect(first?.top).toBe(second?.top);
    expect((first?.left ?? 0) + (second?.left ?? 0) + (second?.width ?? 0)).toBeCloseTo(1);
  });

  it("stands three in a grid two above one", () => {
    const rects = stageRects({ layout: "grid", on_stage: people(3) });
    expect(new Set(rects.map((rect) => rect.top)).size).toBe(2);
    expect((rects[2]?.left ?? 0) + (rects[2]?.width ?? 0) / 2).toBeCloseTo(0.5);
  });

  it("shows nobody while nobody is on stage", () => {
    expect(stageRects({ layout: "grid", on_stage: [] })).toEqual([]);
  });
});

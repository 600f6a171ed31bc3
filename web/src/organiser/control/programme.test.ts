import { describe, expect, it } from "vitest";
import { changed, type Programme, same, shown } from "./programme";

const ada: Programme = { layout: "grid", on_stage: ["ada"] };

describe("the programme of a stage", () => {
  it("brings people on stage in the order they were called and sends them back", () => {
    const both = changed(ada, { do: "toggle", identity: "luis" });
    expect(both.on_stage).toEqual(["ada", "luis"]);
    expect(changed(both, { do: "toggle", identity: "ada" }).on_stage).toEqual(["luis"]);
  });

  it("puts one person first and keeps the others in order", () => {
    const three: Programme = { layout: "solo", on_stage: ["ada", "luis", "mei"] };
    expect(changed(three, { do: "first", identity: "mei" }).on_stage).toEqual(["mei", "ada", "luis"]);
  });

  it("knows when nothing would change on air", () => {
    expect(same(ada, { layout: "grid", on_stage: ["ada"] })).toBe(true);
    expect(same(ada, changed(ada, { do: "layout", layout: "solo" }))).toBe(false);
  });

  it("says how many people the layout shows", () => {
    const three: Programme = { layout: "side_by_side", on_stage: ["ada", "luis", "mei"] };
    expect(shown(three)).toBe(2);
    expect(shown({ ...three, layout: "solo" })).toBe(1);
    expect(shown({ ...three, layout: "grid" })).toBe(3);
  });
});

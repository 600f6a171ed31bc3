import { describe, expect, it } from "vitest";
import { countdown, type PlaceItem, programmeOf } from "./model";

function item(id: string, more: Partial<PlaceItem>): PlaceItem {
  return { kind: "stage", id, title: id, description: "", status: "upcoming", startsAt: undefined, people: undefined, to: `/${id}`, ...more };
}

describe("what the reception shows", () => {
  it("makes the live stage the one large thing", () => {
    const session = item("session", { kind: "session", status: "live", people: 90 });
    const stage = item("stage", { status: "live", people: 3 });
    const soon = item("soon", {});
    const shown = programmeOf([soon, session, stage]);
    expect(shown.hero).toBe(stage);
    expect(shown.live).toEqual([session]);
    expect(shown.next).toEqual([soon]);
  });

  it("shows what comes first while nothing is live", () => {
    const late = item("late", { startsAt: new Date(2000) });
    const early = item("early", { startsAt: new Date(1000) });
    const unplanned = item("unplanned", {});
    const shown = programmeOf([unplanned, late, early]);
    expect(shown.hero).toBe(early);
    expect(shown.next).toEqual([late, unplanned]);
  });

  it("leaves out what is over", () => {
    expect(programmeOf([item("old", { status: "over" })]).hero).toBeUndefined();
  });
});

describe("a countdown", () => {
  it("splits what is left", () => {
    expect(countdown(new Date(90_061_000), new Date(0))).toEqual({ days: 1, hours: 1, minutes: 1, seconds: 1 });
  });

  it("ends when the moment has come", () => {
    expect(countdown(new Date(1000), new Date(1000))).toBeUndefined();
  });
});

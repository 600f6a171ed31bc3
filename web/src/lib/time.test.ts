import { describe, expect, it } from "vitest";
import { clock, fromNow, partOfDay, toLocalInput } from "./time";

describe("times as people read them", () => {
  it("writes hours, minutes and seconds with two digits", () => {
    expect(clock(1_867_000)).toBe("00:31:07");
    expect(clock(1_867_000, true)).toBe("31:07");
    expect(clock(3_600_000, true)).toBe("01:00:00");
  });

  it("never shows a negative clock", () => {
    expect(clock(-5)).toBe("00:00:00");
  });

  it("says how far away a moment is in the largest fitting unit", () => {
    const now = new Date("2026-11-23T15:00:00Z");
    expect(fromNow(new Date("2026-11-23T15:44:30Z"), now, "en")).toBe("in 44 minutes");
    expect(fromNow(new Date("2026-11-23T12:00:00Z"), now, "en")).toBe("3 hours ago");
  });

  it("fills a local date field with the viewer's own wall clock", () => {
    const at = new Date(2026, 10, 23, 9, 5);
    expect(toLocalInput(at)).toBe("2026-11-23T09:05");
  });

  it("greets by the viewer's hour", () => {
    expect(partOfDay(new Date(2026, 0, 1, 8))).toBe("morning");
    expect(partOfDay(new Date(2026, 0, 1, 14))).toBe("afternoon");
    expect(partOfDay(new Date(2026, 0, 1, 21))).toBe("evening");
  });
});

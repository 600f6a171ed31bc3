import { describe, expect, it } from "vitest";
import type { ReceptionSession, ReceptionStage } from "@/api/types";
import { sessionItem, stageItem } from "./items";

const stage: ReceptionStage = { id: "stg_1", title: "Main stage", state: "off_air", live_since: null, viewers: 0, on_stage: [] };
const session: ReceptionSession = { id: "ses_1", title: "Questions", description: "", starts_at: null, ends_at: null, participants: 0 };
const now = new Date("2026-11-23T15:00:00Z");

describe("stages in the schedule", () => {
  it("shows viewers only while the stage is live", () => {
    expect(stageItem({ ...stage, state: "live", viewers: 842 }, "/e/x").people).toBe(842);
    expect(stageItem({ ...stage, state: "ended", viewers: 3 }, "/e/x")).toMatchObject({ status: "over", people: undefined });
  });

  it("does not call a stage live before there is a picture", () => {
    expect(stageItem({ ...stage, state: "starting" }, "/e/x").status).toBe("upcoming");
  });
});

describe("sessions in the schedule", () => {
  it("are open at any time when no time is planned", () => {
    expect(sessionItem(session, "/e/x", now).status).toBe("live");
  });

  it("open at their time, or when somebody is there early", () => {
    const later = { ...session, starts_at: "2026-11-23T16:00:00Z" };
    expect(sessionItem(later, "/e/x", now).status).toBe("upcoming");
    expect(sessionItem({ ...later, participants: 2 }, "/e/x", now).status).toBe("live");
  });

  it("are over after their end when nobody is left", () => {
    const ended = { ...session, starts_at: "2026-11-23T13:00:00Z", ends_at: "2026-11-23T14:00:00Z" };
    expect(sessionItem(ended, "/e/x", now).status).toBe("over");
    expect(sessionItem({ ...ended, participants: 1 }, "/e/x", now).status).toBe("live");
  });
});

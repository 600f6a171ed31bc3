import { expect, it } from "vitest";
import { dropPending, isSameFile, keepPending, type Pending, readPending } from "./pending";

const pending: Pending = { uploadId: "upl_1", name: "talk.mp4", size: 4, lastModified: 7 };

it("remembers an unfinished upload of each event until it is done", () => {
  keepPending("evt_1", pending);
  expect(readPending("evt_1")).toEqual(pending);
  expect(readPending("evt_2")).toBeUndefined();
  dropPending("evt_1");
  expect(readPending("evt_1")).toBeUndefined();
});

it("knows the file that was begun from another one", () => {
  expect(isSameFile(pending, new File(["abcd"], "talk.mp4", { lastModified: 7 }))).toBe(true);
  expect(isSameFile(pending, new File(["abcde"], "talk.mp4", { lastModified: 7 }))).toBe(false);
  expect(isSameFile(pending, new File(["abcd"], "other.mp4", { lastModified: 7 }))).toBe(false);
});

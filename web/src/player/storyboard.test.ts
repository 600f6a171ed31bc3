import { expect, test } from "vitest";
import { thumbnailOf } from "./storyboard";

test("a cue names a sheet beside its file and a rectangle on it", () => {
  expect(thumbnailOf("storyboard-1.jpg#xywh=160,90,160,90", "https://media.example/a/storyboard.vtt")).toEqual({
    url: "https://media.example/a/storyboard-1.jpg",
    x: 160,
    y: 90,
    width: 160,
    height: 90,
  });
});

test("a cue without a rectangle is no picture", () => {
  expect(thumbnailOf("Welcome to the main stage.", "https://media.example/a.vtt")).toBeUndefined();
});

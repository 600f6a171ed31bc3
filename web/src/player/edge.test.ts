import { expect, test } from "vitest";
import { isAtEdge } from "./edge";

test("a viewer who lags by a segment is still live, one who rewound is not", () => {
  expect(isAtEdge(100, 100)).toBe(true);
  expect(isAtEdge(97, 100)).toBe(true);
  expect(isAtEdge(90, 100)).toBe(false);
});

test("a viewer ahead of the held place is live", () => {
  expect(isAtEdge(102, 100)).toBe(true);
});

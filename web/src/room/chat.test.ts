import { expect, test } from "vitest";
import { unreadOf } from "./chat";

const messages = [{ from: "Ada" }, { from: undefined }, { from: "Luis" }, { from: "Ada" }];

test("only messages of others that came after the last look are unread", () => {
  expect(unreadOf(messages, 0)).toBe(3);
  expect(unreadOf(messages, 3)).toBe(1);
  expect(unreadOf(messages, 4)).toBe(0);
});

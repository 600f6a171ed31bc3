import { expect, test } from "vitest";
import { translate } from "./translate";

const tree = { plain: "Leave", deep: { hello: "Hello, {{name}} and {{name}}" }, people_one: "{{count}} person", people_other: "{{count}} people" };
const plural = new Intl.PluralRules("en");

test("a text is found by its path and filled in", () => {
  expect(translate(tree, plural, "plain")).toBe("Leave");
  expect(translate(tree, plural, "deep.hello", { name: "Ada" })).toBe("Hello, Ada and Ada");
});

test("the count chooses the form", () => {
  expect(translate(tree, plural, "people", { count: 1 })).toBe("1 person");
  expect(translate(tree, plural, "people", { count: 0 })).toBe("0 people");
});

test("values are text, never patterns or markup to interpret", () => {
  expect(translate(tree, plural, "deep.hello", { name: "$& {{count}} <b>" })).toBe("Hello, $& {{count}} <b> and $& {{count}} <b>");
});

test("an unknown key has no text", () => {
  expect(translate(tree, plural, "deep")).toBeUndefined();
  expect(translate(tree, plural, "deep.nothing")).toBeUndefined();
});

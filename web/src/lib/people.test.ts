import { expect, it } from "vitest";
import { initials, personGradient } from "./people";

it("takes the first letters of the first and the last name", () => {
  expect(initials("Ada Obi")).toBe("AO");
  expect(initials("  Mei Lin Tanaka ")).toBe("MT");
  expect(initials("Ólafur")).toBe("Ó");
});

it("shows a mark for a person without a name", () => {
  expect(initials("  ")).toBe("?");
});

it("gives the same person the same colours", () => {
  expect(personGradient("ada")).toBe(personGradient("ada"));
});

import { t } from "@/i18n";
import { describe, expect, it } from "vitest";
import { ApiProblem, problemOf, problemText } from "./problem";

describe("what a person reads about an error", () => {
  it("takes the server's own sentence about a refusal", () => {
    const problem = problemOf(409, { type: "stage-on-air", detail: "End the stage first." });
    expect(problemText(problem)).toBe("End the stage first.");
  });

  it("never shows a code when the server says nothing", () => {
    expect(problemText(problemOf(502, "<html>"))).toBe(t("problem.server"));
    expect(problemText(problemOf(401, null))).toBe(t("problem.signedOut"));
  });

  it("tells a lost network from a refusal", () => {
    expect(problemText(new ApiProblem(0))).toBe(t("problem.offline"));
    expect(problemText(new TypeError("Failed to fetch"))).toBe(t("problem.offline"));
  });
});

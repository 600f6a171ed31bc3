/** Errors of the API (RFC 9457) and the sentence that a person reads about them. */
import { t } from "@/i18n";

/** A refused or failed request. `status` 0: no answer at all. */
export class ApiProblem extends Error {
  readonly status: number;
  /** Stable type of the problem, or an empty string. */
  readonly type: string;
  /** The server's own sentence about this very case, if it has one. */
  readonly detail: string | undefined;

  constructor(status: number, type = "", detail?: string) {
    super(detail ?? `The server answered ${status}.`);
    this.name = "ApiProblem";
    this.status = status;
    this.type = type;
    this.detail = detail;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Reads the body of an error answer, whatever it holds. */
export function problemOf(status: number, body: unknown): ApiProblem {
  if (typeof body !== "object" || body === null) return new ApiProblem(status);
  const { type, detail } = body as Record<string, unknown>;
  return new ApiProblem(status, text(type) ?? "", text(detail));
}

/** What happened and what to do, in one or two sentences. */
export function problemText(error: unknown): string {
  const status = error instanceof ApiProblem ? error.status : 0;
  const detail = error instanceof ApiProblem ? error.detail : undefined;
  if (status === 0) return t("problem.offline");
  if (status === 401) return t("problem.signedOut");
  if (status === 403) return detail ?? t("problem.notAllowed");
  if (status === 404) return detail ?? t("problem.notFound");
  if (status === 409) return detail ?? t("problem.conflict");
  if (status === 429) return t("problem.tooMany");
  if (status >= 500) return t("problem.server");
  return detail ?? t("problem.title");
}

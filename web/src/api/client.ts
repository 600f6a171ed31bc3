/** The generated client of the control API: sends cookies and the CSRF token, turns refusals into errors. */
import createClient from "openapi-fetch";
import { SERVER } from "@/lib/server";
import { ApiProblem, problemOf } from "./problem";
import type { paths } from "./schema";

let csrfToken: string | undefined;

/** From the organiser's session; goes with every request that changes something. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

const READS = new Set(["GET", "HEAD"]);

export const api = createClient<paths>({ baseUrl: SERVER, credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    // A bearer proves itself; only the cookie needs the proof that this page sent the request.
    if (csrfToken && !READS.has(request.method) && !request.headers.has("authorization")) request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onError() {
    return new ApiProblem(0);
  },
});

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer. Throws `ApiProblem` for every other. */
export async function answer<T>(result: Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await result;
  if (!response.ok) throw problemOf(response.status, error);
  // Endpoints without a body (204) have `undefined` as their type.
  return data as T;
}

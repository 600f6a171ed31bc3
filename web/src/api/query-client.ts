/** Caching and retries of everything asked from the server. */
import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "./problem";

/** Answers that stay the same when asked again. */
function isFinal(error: Error): boolean {
  return error instanceof ApiProblem && error.status >= 400 && error.status < 500 && error.status !== 429;
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: (count, error) => count < 3 && !isFinal(error), staleTime: 5000, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
}

/** The app's own. */
export const queryClient = newQueryClient();

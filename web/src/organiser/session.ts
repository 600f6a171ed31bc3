/** Who is signed in as an organiser. */
import { useQuery } from "@tanstack/react-query";
import { setCsrfToken } from "@/api/client";
import { getSession } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { OrganiserSession } from "@/api/types";

const KEY = ["session"];

export function keepSession(session: OrganiserSession): void {
  setCsrfToken(session.csrf_token);
  queryClient.setQueryData(KEY, session);
}

export function useSession() {
  return useQuery({
    queryKey: KEY,
    queryFn: async () => {
      const session = await getSession();
      setCsrfToken(session.csrf_token);
      return session;
    },
    staleTime: 60_000,
    retry: false,
  });
}

/** Forgets everything that was shown to the organiser who leaves. */
export function dropSession(): void {
  setCsrfToken(undefined);
  queryClient.clear();
}

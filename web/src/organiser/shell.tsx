/** What all organiser screens share: nobody gets in who is not signed in. */
import "@/i18n/organiser";
import { Outlet, Navigate } from "react-router";
import { ApiProblem } from "@/api/problem";
import { SkeletonList } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { useSession } from "./session";

export function OrganiserShell() {
  const session = useSession();
  if (session.isPending) {
    return (
      <main className="page">
        <SkeletonList />
      </main>
    );
  }
  if (session.isError) {
    if (session.error instanceof ApiProblem && session.error.status === 401) return <Navigate to="/sign-in" replace />;
    return (
      <main className="page" id="content">
        <Problem error={session.error} onRetry={() => void session.refetch()} />
      </main>
    );
  }
  return <Outlet />;
}

/** The prepared programme. Off air every change is sent at once; on air it waits for "Take to air". */
import { useCallback, useState } from "react";
import { setProgramme } from "@/api/organiser";
import { problemText } from "@/api/problem";
import { queryClient } from "@/api/query-client";
import type { StageStatus } from "@/api/types";
import { useToast } from "@/ui/toast";
import { type Change, changed, type Programme, same } from "./programme";

export interface Draft {
  next: Programme;
  /** `next` is not what is on air. */
  pending: boolean;
  busy: boolean;
  change: (change: Change) => void;
  take: () => Promise<void>;
}

export function useDraft(stageId: string, onAir: Programme, live: boolean): Draft {
  const toast = useToast();
  // `undefined`: nothing prepared, the server's programme is shown.
  const [prepared, setPrepared] = useState<Programme>();
  const [busy, setBusy] = useState(false);
  const next = prepared ?? onAir;
  const send = useCallback(
    async (programme: Programme) => {
      setBusy(true);
      try {
        await setProgramme(stageId, programme);
        // An older answer that is still on its way would show the programme before this one.
        await queryClient.cancelQueries({ queryKey: ["stage-status", stageId] });
        queryClient.setQueryData<StageStatus>(["stage-status", stageId], (status) => status && { ...status, programme });
      } catch (error) {
        toast(problemText(error));
      } finally {
        setBusy(false);
        setPrepared((current) => (current === programme ? undefined : current));
      }
    },
    [stageId, toast],
  );
  const change = useCallback(
    (what: Change) => {
      const programme = changed(next, what);
      setPrepared(programme);
      if (!live) void send(programme);
    },
    [next, live, send],
  );
  const take = useCallback(() => send(next), [send, next]);
  return { next, pending: live && !same(next, onAir), busy, change, take };
}

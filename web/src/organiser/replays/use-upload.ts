/** Uploads one video: asks the server for parts, sends what is missing, completes. */
import { useCallback, useEffect, useRef, useState } from "react";
import { completeUpload, createUpload, getUpload } from "@/api/organiser";
import { ApiProblem, problemText } from "@/api/problem";
import { queryClient } from "@/api/query-client";
import type { Upload } from "@/api/types";
import { putPart, slices, type Transport, uploadParts } from "@/upload/parts";
import { dropPending, isSameFile, keepPending, type Pending, readPending } from "./pending";

/** ```text
 * idle ──file──▶ sending ──▶ arrived
 *                   │ ▲
 *      reload, loss ▼ │ the same file
 *                 paused
 * ``` */
export type UploadState =
  | { state: "idle" }
  | { state: "sending"; name: string; sent: number; size: number }
  | { state: "paused"; pending: Pending; sent: number; problem?: string }
  | { state: "arrived" };

/** Bytes that the store has, by the server's own list. */
function stored(upload: Upload): number {
  const done = new Set(upload.parts.filter((part) => part.done).map((part) => part.number));
  return slices(upload.size_bytes, upload.part_size_bytes).reduce((sum, { number, start, end }) => (done.has(number) ? sum + end - start : sum), 0);
}

/** URLs are good for an hour; a part that fails is asked for anew. */
function transportFor(upload: Upload): Transport {
  let latest: Upload = upload;
  const asked = new Set<number>();
  return {
    stored: () => Promise.resolve(upload.parts.filter((part) => part.done).map((part) => ({ number: part.number, etag: "" }))),
    urlOf: async (number) => {
      if (asked.has(number)) latest = await getUpload(upload.id);
      asked.add(number);
      const url = latest.parts.find((part) => part.number === number)?.url;
      if (!url) throw new ApiProblem(404);
      return url;
    },
    put: putPart,
    complete: async () => {
      await completeUpload(upload.id);
    },
  };
}

export interface UploadControl {
  upload: UploadState;
  /** Begins, or goes on with an unfinished upload of the same file. Answers false if it is another file. */
  start: (file: File) => boolean;
  giveUp: () => void;
}

export function useUpload(eventId: string): UploadControl {
  const [upload, setUpload] = useState<UploadState>({ state: "idle" });
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => {
    const pending = readPending(eventId);
    if (pending) {
      getUpload(pending.uploadId).then(
        (found) => setUpload(found.state === "waiting" ? { state: "paused", pending, sent: stored(found) } : { state: "idle" }),
        () => setUpload({ state: "paused", pending, sent: 0 }),
      );
    }
    return () => stop.current?.abort();
  }, [eventId]);

  const send = useCallback(
    async (file: File, before: Pending | undefined) => {
      const { signal } = (stop.current = new AbortController());
      let pending = before;
      let sent = 0;
      setUpload({ state: "sending", name: file.name, sent, size: file.size });
      try {
        const found = pending ? await getUpload(pending.uploadId) : await createUpload(eventId, { file_name: file.name, size_bytes: file.size, content_type: file.type || "video/mp4" });
        pending = { uploadId: found.id, name: file.name, size: file.size, lastModified: file.lastModified };
        keepPending(eventId, pending);
        const report = (bytes: number) => {
          sent = bytes;
          setUpload({ state: "sending", name: file.name, sent, size: file.size });
        };
        await uploadParts(file, found.part_size_bytes, transportFor(found), report, signal);
        dropPending(eventId);
        setUpload({ state: "arrived" });
        await queryClient.invalidateQueries({ queryKey: ["replays", eventId] });
      } catch (error) {
        if (signal.aborted) return;
        const problem = problemText(error);
        setUpload(pending ? { state: "paused", pending, sent, problem } : { state: "paused", pending: { uploadId: "", name: file.name, size: file.size, lastModified: file.lastModified }, sent: 0, problem });
      }
    },
    [eventId],
  );
  const start = useCallback(
    (file: File) => {
      const pending = upload.state === "paused" && upload.pending.uploadId !== "" ? upload.pending : undefined;
      if (pending && !isSameFile(pending, file)) return false;
      void send(file, pending);
      return true;
    },
    [upload, send],
  );
  const giveUp = useCallback(() => {
    stop.current?.abort();
    dropPending(eventId);
    setUpload({ state: "idle" });
  }, [eventId]);
  return { upload, start, giveUp };
}

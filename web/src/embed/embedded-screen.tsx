/** One element as React sees it: who the viewer is, then the screen at its address. */
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { type ComponentType, useEffect, useMemo, useState } from "react";
import { createPath, type Navigator, Route, Router, Routes, type To } from "react-router";
import { getMe, getPreview } from "@/api/experience";
import { ApiProblem } from "@/api/problem";
import { newQueryClient } from "@/api/query-client";
import type { EventPreview } from "@/api/types";
import { EnterForm } from "@/attendee/enter-form";
import { type Inside, InsideContext } from "@/attendee/experience";
import { EmbeddingContext } from "@/lib/embedding";
import { SERVER } from "@/lib/server";
import { Skeleton } from "@/ui/parts";
import { Problem } from "@/ui/problem";
import { ToastProvider } from "@/ui/toast";

/** What an element shows. */
export interface Kind {
  /** Attribute that names the place, besides `event` and `token`; none for the reception. */
  place: string | undefined;
  /** Pattern of the app's address of this screen. */
  pattern: string;
  Screen: ComponentType;
}

export interface EmbeddedProps {
  kind: Kind;
  /** Slug or id. */
  event: string;
  /** Experience token; without one the viewer of an open event is asked for a name. */
  token: string | undefined;
  /** The app's address of this screen. */
  path: string;
  /** In the shadow root. */
  portal: HTMLElement;
  /** Somebody follows a link to another place of the event. */
  onOpen: (url: string) => void;
  /** The token is refused: it has ended, or was never good. */
  onRefused: () => void;
}

function hrefOf(to: To): string {
  return SERVER + (typeof to === "string" ? to : createPath(to));
}

export function EmbeddedScreen({ kind, path, portal, onOpen, ...door }: EmbeddedProps) {
  const [client] = useState(newQueryClient);
  const embedding = useMemo(() => ({ portal }), [portal]);
  // Links lead away from this element; where to is the page's decision.
  const navigator = useMemo<Navigator>(() => {
    const open = (to: To) => onOpen(hrefOf(to));
    return { createHref: hrefOf, push: open, replace: open, go: () => undefined };
  }, [onOpen]);
  return (
    <QueryClientProvider client={client}>
      <EmbeddingContext value={embedding}>
        <ToastProvider>
          <Router location={path} navigator={navigator}>
            <Routes>
              <Route path={kind.pattern} element={<Door Screen={kind.Screen} {...door} />} />
            </Routes>
          </Router>
        </ToastProvider>
      </EmbeddingContext>
    </QueryClientProvider>
  );
}

/** A token that ends while the page is open is noticed within this time. */
const TOKEN_CHECK_MS = 60_000;

type DoorProps = Pick<EmbeddedProps, "event" | "token" | "onRefused"> & { Screen: ComponentType };

function Door({ event, token, onRefused, Screen }: DoorProps) {
  const [entered, setEntered] = useState<string>();
  const bearer = token ?? entered;
  const preview = useQuery({ queryKey: ["preview", event], queryFn: () => getPreview(event), staleTime: 60_000 });
  const me = useQuery({ queryKey: ["me", bearer], queryFn: () => getMe({ kind: "person", token: bearer ?? "" }), enabled: bearer !== undefined, refetchInterval: TOKEN_CHECK_MS });
  const refused = me.error instanceof ApiProblem && me.error.status === 401;
  useEffect(() => {
    if (!refused) return;
    setEntered(undefined);
    onRefused();
  }, [refused, onRefused]);
  const error = preview.error ?? me.error;
  if (error) return <Problem error={error} onRetry={() => void Promise.all([preview.refetch(), me.refetch()])} />;
  if (!preview.data) return <Skeleton height={240} />;
  if (bearer === undefined) return <EnterForm event={preview.data} onEnter={(experience) => setEntered(experience.token)} />;
  if (!me.data) return <Skeleton height={240} />;
  return <Within event={preview.data} token={bearer} person={me.data.person} Screen={Screen} />;
}

function Within({ event, token, person, Screen }: { event: EventPreview; token: string; person: Inside["person"]; Screen: ComponentType }) {
  const inside = useMemo<Inside>(() => ({ event, caller: { kind: "person", token }, person }), [event, token, person]);
  return (
    <InsideContext value={inside}>
      <Screen />
    </InsideContext>
  );
}

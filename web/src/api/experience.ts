/** What the people inside an event ask of the control API: a bearer token per event. */
import { answer, api } from "./client";
import type { RoomJoin, Watch } from "./types";

/** Who asks: a person inside the event, or the organiser who looks at it (their cookie is sent by itself). */
export type Caller = { kind: "person"; token: string } | { kind: "organiser" };

function headersOf(caller: Caller): Record<string, string> {
  switch (caller.kind) {
    case "person":
      return { authorization: `Bearer ${caller.token}` };
    case "organiser":
      return {};
  }
}

export const getPreview = (slug: string) => answer(api.GET("/api/v1/event-previews/{slug}", { params: { path: { slug } } }));
export const enterInvited = (invitation: string) => answer(api.POST("/api/v1/experience", { body: { invitation } }));
export const enterOpen = (event_id: string, name: string) => answer(api.POST("/api/v1/experience", { body: { event_id, name } }));

export const getMe = (caller: Caller) => answer(api.GET("/api/v1/experience/me", { headers: headersOf(caller) }));

export const getReception = (caller: Caller, event_id: string) =>
  answer(api.GET("/api/v1/events/{event_id}/reception", { params: { path: { event_id } }, headers: headersOf(caller) }));
export const getStage = (caller: Caller, stage_id: string) => answer(api.GET("/api/v1/stages/{stage_id}", { params: { path: { stage_id } }, headers: headersOf(caller) }));
export const getStageStatus = (caller: Caller, stage_id: string) =>
  answer(api.GET("/api/v1/stages/{stage_id}/status", { params: { path: { stage_id } }, headers: headersOf(caller) }));
export const sayWatching = (caller: Caller, stage_id: string) =>
  answer(api.POST("/api/v1/stages/{stage_id}/watching", { params: { path: { stage_id } }, headers: headersOf(caller) }));
export const getSession = (caller: Caller, session_id: string) =>
  answer(api.GET("/api/v1/sessions/{session_id}", { params: { path: { session_id } }, headers: headersOf(caller) }));
export const joinSession = (caller: Caller, session_id: string, on_screen: boolean) =>
  answer(api.POST("/api/v1/sessions/{session_id}/join", { params: { path: { session_id } }, body: { on_screen }, headers: headersOf(caller) }));
export const listReplays = (caller: Caller, event_id: string) =>
  answer(api.GET("/api/v1/events/{event_id}/replays", { params: { path: { event_id } }, headers: headersOf(caller) }));
export const getReplay = (caller: Caller, replay_id: string) => answer(api.GET("/api/v1/replays/{replay_id}", { params: { path: { replay_id } }, headers: headersOf(caller) }));

function joinStage(caller: Caller, stage_id: string, role: "viewer" | "backstage") {
  return answer(api.POST("/api/v1/stages/{stage_id}/join", { params: { path: { stage_id } }, body: { role }, headers: headersOf(caller) }));
}

/** What to play. */
export async function watchStage(caller: Caller, stageId: string): Promise<Watch> {
  const joined = await joinStage(caller, stageId, "viewer");
  if (joined.role !== "viewer") throw new TypeError("a viewer's join answers as what they asked for");
  return joined;
}

/** A way into the backstage room. */
export async function joinBackstage(caller: Caller, stageId: string): Promise<RoomJoin> {
  const joined = await joinStage(caller, stageId, "backstage");
  if (joined.role !== "backstage") throw new TypeError("a speaker's join answers as what they asked for");
  return joined;
}

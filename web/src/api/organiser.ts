/** What organisers ask of the control API. */
import { answer, api } from "./client";
import type { NewEvent, NewInvitation, NewSession, NewUpload, Profile, Programme, SignInBody } from "./types";

export const signInByLink = (token: string) => answer(api.POST("/api/v1/auth/link", { body: { token } }));
export const signIn = (body: SignInBody) => answer(api.POST("/api/v1/auth/sign-in", { body }));
export const signOut = () => answer(api.POST("/api/v1/auth/sign-out"));
export const getSession = () => answer(api.GET("/api/v1/auth/session"));
export const saveProfile = (body: Profile) => answer(api.PUT("/api/v1/auth/profile", { body }));

export const listEvents = (cursor?: string) => answer(api.GET("/api/v1/events", { params: { query: cursor ? { cursor } : {} } }));
export const getEvent = (event_id: string) => answer(api.GET("/api/v1/events/{event_id}", { params: { path: { event_id } } }));
export const createEvent = (body: NewEvent) => answer(api.POST("/api/v1/events", { body }));

export const listStages = (event_id: string) => answer(api.GET("/api/v1/events/{event_id}/stages", { params: { path: { event_id } } }));
export const createStage = (event_id: string, title: string) => answer(api.POST("/api/v1/events/{event_id}/stages", { params: { path: { event_id } }, body: { title } }));
export const getStage = (stage_id: string) => answer(api.GET("/api/v1/stages/{stage_id}", { params: { path: { stage_id } } }));
export const getStageStatus = (stage_id: string) => answer(api.GET("/api/v1/stages/{stage_id}/status", { params: { path: { stage_id } } }));
export const setProgramme = (stage_id: string, body: Programme) => answer(api.PUT("/api/v1/stages/{stage_id}/programme", { params: { path: { stage_id } }, body }));
export const goLive = (stage_id: string) => answer(api.POST("/api/v1/stages/{stage_id}/go-live", { params: { path: { stage_id } } }));
export const endStage = (stage_id: string) => answer(api.POST("/api/v1/stages/{stage_id}/end", { params: { path: { stage_id } } }));

export const listSessions = (event_id: string) => answer(api.GET("/api/v1/events/{event_id}/sessions", { params: { path: { event_id } } }));
export const createSession = (event_id: string, body: NewSession) => answer(api.POST("/api/v1/events/{event_id}/sessions", { params: { path: { event_id } }, body }));

export const listInvitations = (event_id: string) => answer(api.GET("/api/v1/events/{event_id}/invitations", { params: { path: { event_id } } }));
export const createInvitation = (event_id: string, body: NewInvitation) => answer(api.POST("/api/v1/events/{event_id}/invitations", { params: { path: { event_id } }, body }));
export const revokeInvitation = (event_id: string, invitation_id: string) =>
  answer(api.DELETE("/api/v1/events/{event_id}/invitations/{invitation_id}", { params: { path: { event_id, invitation_id } } }));

export const listReplays = (event_id: string) => answer(api.GET("/api/v1/events/{event_id}/replays", { params: { path: { event_id } } }));
export const getReplay = (replay_id: string) => answer(api.GET("/api/v1/replays/{replay_id}", { params: { path: { replay_id } } }));
export const cancelJob = (replay_id: string, job_id: string) => answer(api.POST("/api/v1/replays/{replay_id}/jobs/{job_id}/cancel", { params: { path: { replay_id, job_id } } }));
export const retryJob = (replay_id: string, job_id: string) => answer(api.POST("/api/v1/replays/{replay_id}/jobs/{job_id}/retry", { params: { path: { replay_id, job_id } } }));
export const deleteReplay = (replay_id: string) => answer(api.DELETE("/api/v1/replays/{replay_id}", { params: { path: { replay_id } } }));
export const listCaptions = (replay_id: string) => answer(api.GET("/api/v1/replays/{replay_id}/captions", { params: { path: { replay_id } } }));
export const addCaptions = (replay_id: string, language: string, label: string, vtt: string) =>
  answer(
    api.POST("/api/v1/replays/{replay_id}/captions", {
      params: { path: { replay_id }, query: { language, label } },
      body: vtt,
      bodySerializer: (text) => text,
      headers: { "content-type": "text/vtt" },
    }),
  );
export const deleteCaptions = (replay_id: string, caption_id: string) =>
  answer(api.DELETE("/api/v1/replays/{replay_id}/captions/{caption_id}", { params: { path: { replay_id, caption_id } } }));

export const createUpload = (event_id: string, body: NewUpload) => answer(api.POST("/api/v1/events/{event_id}/uploads", { params: { path: { event_id } }, body }));
export const getUpload = (upload_id: string) => answer(api.GET("/api/v1/uploads/{upload_id}", { params: { path: { upload_id } } }));
export const completeUpload = (upload_id: string) => answer(api.POST("/api/v1/uploads/{upload_id}/complete", { params: { path: { upload_id } } }));

/** Why a device or a call does not work, as one word that the texts explain. It repairs nothing. */
import { ConnectionError, ConnectionErrorReason, DisconnectReason, MediaDeviceFailure } from "livekit-client";

export type DeviceFailure = "denied" | "missing" | "in_use" | "insecure" | "unknown";

/** Browsers differ in where a person allows the camera again. */
export type BrowserKind = "chromium" | "firefox" | "safari";

export type CallFailure = "refused" | "unreachable" | "blocked_network" | "elsewhere" | "removed" | "closed" | "server_left" | "unknown";

export function deviceFailure(error: unknown, secure: boolean): DeviceFailure {
  if (!secure) return "insecure";
  switch (MediaDeviceFailure.getFailure(error)) {
    case MediaDeviceFailure.PermissionDenied:
      return "denied";
    case MediaDeviceFailure.NotFound:
      return "missing";
    case MediaDeviceFailure.DeviceInUse:
      return "in_use";
    case MediaDeviceFailure.Other:
    case undefined:
      return "unknown";
  }
}

export function browserKind(userAgent: string): BrowserKind {
  if (userAgent.includes("Firefox/")) return "firefox";
  return userAgent.includes("Chrome/") || userAgent.includes("Chromium/") ? "chromium" : "safari";
}

/** An error of `Room.connect`. */
export function connectFailure(error: unknown): CallFailure {
  if (!(error instanceof ConnectionError)) return "unknown";
  switch (error.reason) {
    case ConnectionErrorReason.NotAllowed:
      return "refused";
    case ConnectionErrorReason.ServerUnreachable:
    case ConnectionErrorReason.WebSocket:
    case ConnectionErrorReason.ServiceNotFound:
      return "unreachable";
    case ConnectionErrorReason.InternalError:
    case ConnectionErrorReason.Timeout:
      return "blocked_network";
    case ConnectionErrorReason.LeaveRequest:
      return "closed";
    case ConnectionErrorReason.Cancelled:
      return "unknown";
    default:
      return "unknown";
  }
}

/** The end of a call that the person did not ask for; `undefined` when they did. */
export function disconnectFailure(reason: DisconnectReason | undefined): CallFailure | undefined {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return undefined;
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "elsewhere";
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "removed";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "closed";
    case DisconnectReason.SERVER_SHUTDOWN:
      return "server_left";
    default:
      return "unreachable";
  }
}

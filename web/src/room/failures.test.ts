import { DisconnectReason } from "livekit-client";
import { describe, expect, it } from "vitest";
import { browserKind, deviceFailure, disconnectFailure } from "./failures";

function named(name: string): Error {
  const error = new Error("…");
  error.name = name;
  return error;
}

describe("why a device does not work", () => {
  it("tells a refusal from a missing and from a busy device", () => {
    expect(deviceFailure(named("NotAllowedError"), true)).toBe("denied");
    expect(deviceFailure(named("NotFoundError"), true)).toBe("missing");
    expect(deviceFailure(named("NotReadableError"), true)).toBe("in_use");
    expect(deviceFailure(named("Surprise"), true)).toBe("unknown");
  });

  it("blames the address when the page is not secure", () => {
    expect(deviceFailure(new TypeError("mediaDevices is undefined"), false)).toBe("insecure");
  });
});

describe("why a call ended", () => {
  it("says nothing when the person left", () => {
    expect(disconnectFailure(DisconnectReason.CLIENT_INITIATED)).toBeUndefined();
  });

  it("tells another tab from a lost network", () => {
    expect(disconnectFailure(DisconnectReason.DUPLICATE_IDENTITY)).toBe("elsewhere");
    expect(disconnectFailure(undefined)).toBe("unreachable");
  });
});

it("knows whose settings to describe", () => {
  expect(browserKind("Mozilla/5.0 (X11) Gecko/20100101 Firefox/153.0")).toBe("firefox");
  expect(browserKind("Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0 Safari/537.36")).toBe("chromium");
  expect(browserKind("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15")).toBe("safari");
});

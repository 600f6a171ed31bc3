import Hls from "hls.js";
import { describe, expect, it } from "vitest";
import { remedyFor, retryDelayMs } from "./recovery";

describe("what helps against an error", () => {
  it("leaves errors that are not fatal to hls.js", () => {
    expect(remedyFor({ fatal: false, type: Hls.ErrorTypes.NETWORK_ERROR, details: Hls.ErrorDetails.FRAG_LOAD_ERROR })).toBe("none");
  });

  it("asks for the playlist again while the stage is starting", () => {
    expect(remedyFor({ fatal: true, type: Hls.ErrorTypes.NETWORK_ERROR, details: Hls.ErrorDetails.MANIFEST_LOAD_ERROR })).toBe("reload-playlist");
  });

  it("goes on loading after a lost segment", () => {
    expect(remedyFor({ fatal: true, type: Hls.ErrorTypes.NETWORK_ERROR, details: Hls.ErrorDetails.FRAG_LOAD_ERROR })).toBe("load-again");
  });

  it("resets the decoder after a media error", () => {
    expect(remedyFor({ fatal: true, type: Hls.ErrorTypes.MEDIA_ERROR, details: Hls.ErrorDetails.BUFFER_APPEND_ERROR })).toBe("recover-media");
  });

  it("asks no more where the address is refused", () => {
    const refused = { fatal: true, type: Hls.ErrorTypes.NETWORK_ERROR, response: { code: 403 } };
    expect(remedyFor({ ...refused, details: Hls.ErrorDetails.MANIFEST_LOAD_ERROR })).toBe("give-up");
    expect(remedyFor({ ...refused, details: Hls.ErrorDetails.FRAG_LOAD_ERROR })).toBe("give-up");
  });

  it("waits longer each time, up to ten seconds", () => {
    expect(retryDelayMs(0, 0.5)).toBe(700);
    expect(retryDelayMs(2, 0.5)).toBe(2800);
    expect(retryDelayMs(50, 1)).toBe(10_000);
  });
});

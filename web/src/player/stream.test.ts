import { describe, expect, it } from "vitest";
import { withTokenOf } from "./stream";

const SRC = "https://dais.example/hls/pb_1/index.m3u8?token=new.er_1";

describe("the token of a stream", () => {
  it("is put into what playlists named with an older one", () => {
    expect(withTokenOf(SRC, "https://dais.example/hls/pb_1/v720.m3u8?token=old")).toBe("https://dais.example/hls/pb_1/v720.m3u8?token=new.er_1");
    expect(withTokenOf(SRC, "https://dais.example/hls/pb_1/v720/3.m4s?x=1&token=old")).toBe("https://dais.example/hls/pb_1/v720/3.m4s?x=1&token=new.er_1");
  });

  it("is told to nobody else", () => {
    for (const other of ["https://bucket.example/hls/pb_1/3.m4s?token=theirs", "https://dais.example/hls/pb_2/3.m4s?token=theirs", "https://dais.example/hls/pb_1/3.m4s"])
      expect(withTokenOf(SRC, other)).toBe(other);
  });

  it("is not missed by a public stream", () => {
    const url = "https://dais.example/hls/pb_1/v720.m3u8";
    expect(withTokenOf("https://dais.example/hls/pb_1/index.m3u8", url)).toBe(url);
  });
});

/**
 * Leaves out of hls.js what Dais never plays: protected streams, advertisements, CMCD reports, content steering,
 * image playlists, MPEG-TS and bare audio files, captions inside the video. Our segments are CMAF and our captions
 * are WebVTT. What nothing refers to any more is then dropped from the bundle.
 *
 * Each cut names the exact text of the pinned version; a version in which it reads differently fails the build.
 */
import type { Plugin } from "vite";

interface Cut {
  from: string;
  to: string;
}

/** Entries of the default configuration; hls.js makes only the controllers that are named there. */
const CONTROLLERS = [
  "emeController: EMEController ,",
  "cmcdController: CMCDController ,",
  "contentSteeringController: ContentSteeringController ,",
  "iframeController: IFrameController ,",
  "interstitialsController: InterstitialsController \n",
  "fpsController: FPSController,",
  "id3TrackController: ID3TrackController,",
];

const CUTS: readonly Cut[] = [
  ...CONTROLLERS.map((from) => ({ from, to: "" })),
  { from: "EMEController.CDMCleanupPromise = void 0;\n", to: "" },
  { from: ", {\n  demux: TSDemuxer,\n  remux: MP4Remuxer\n}, {\n  demux: AACDemuxer,\n  remux: MP4Remuxer\n}, {\n  demux: MP3Demuxer,\n  remux: MP4Remuxer\n}", to: "" },
  { from: "  muxConfig.splice(2, 0, {\n    demux: AC3Demuxer,\n    remux: MP4Remuxer\n  });\n", to: "" },
  { from: " && TSDemuxer.probe(initSegmentData, this.logger)", to: " && false" },
  // Boxes that only the MPEG-TS path writes, built when the file is loaded.
  { from: "_MP = MP4;\nMP4.FTYP = _MP.box(types.ftyp, majorBrand, minorVersion, majorBrand, avc1Brand);\nMP4.DINF = ", to: "const neverBuilt = () => " },
  { from: "callBack(parseTTML(ttml, syncTime))", to: "callBack([])" },
  { from: "  initCea608Parsers() {\n", to: "  initCea608Parsers() {\n    return;\n" },
];

export function slimHls(): Plugin {
  return {
    name: "dais-slim-hls",
    apply: "build",
    transform(code, id) {
      if (!id.endsWith("/hls.js/dist/hls.mjs")) return undefined;
      const slim = CUTS.reduce((text, { from, to }) => {
        if (!text.includes(from)) this.error(`hls.js reads differently now; look at this cut again: ${from}`);
        return text.replace(from, () => to);
      }, code);
      return { code: slim, map: null };
    },
  };
}

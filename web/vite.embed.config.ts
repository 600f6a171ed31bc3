/** How the custom elements for other sites' pages are built: a script per custom element, beside the app in `dist/embed`. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { slimHls } from "./scripts/slim-hls.ts";

const ELEMENTS = ["dais-reception", "dais-stage", "dais-session", "dais-replay"] as const;

/** Styles belong into the shadow roots (`src/embed/styles.ts`), never into the page around them. */
function noGlobalStyles(): Plugin {
  return {
    name: "dais-no-global-styles",
    enforce: "pre",
    load: (id) => (id.endsWith(".css") ? { code: "", moduleType: "js" } : undefined),
  };
}

export default defineConfig({
  plugins: [noGlobalStyles(), react(), slimHls()],
  // Addresses of chunks are found beside the script, whatever page it runs in.
  base: "./",
  publicDir: false,
  define: { "import.meta.env.DAIS_EMBEDDED": "true" },
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "dist/embed",
    target: "es2023",
    manifest: true,
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: Object.fromEntries(ELEMENTS.map((element) => [element, fileURLToPath(new URL(`./src/embed/${element}.ts`, import.meta.url))])),
      output: { entryFileNames: "[name].js", chunkFileNames: "assets/[name]-[hash].js", assetFileNames: "assets/[name]-[hash][extname]" },
    },
  },
});

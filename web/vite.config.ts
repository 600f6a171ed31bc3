/** How the web apps are built, served while developing, and unit-tested. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { slimHls } from "./scripts/slim-hls.ts";

/** Everything that `dais up` answers itself; the development server passes it on. */
const SERVER_PATHS = ["/api", "/rtc", "/twirp", "/hls", "/media", "/dais-media"];
const server = process.env["DAIS_PUBLIC_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), slimHls()],
  define: { "import.meta.env.DAIS_EMBEDDED": "false" },
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: { target: "es2023", sourcemap: false, manifest: true, chunkSizeWarningLimit: 700 },
  server: {
    proxy: Object.fromEntries(SERVER_PATHS.map((path) => [path, { target: server, ws: path === "/rtc" }])),
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});

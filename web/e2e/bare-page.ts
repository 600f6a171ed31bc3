/** Serves a page that holds nothing but livekit-client and one script of `clients/`. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { transformWithOxc } from "vite";

const PAGE = `<!doctype html><title>A participant</title>
<script type="importmap">{ "imports": { "livekit-client": "/livekit-client.mjs" } }</script>
<script type="module" src="/participant.mjs"></script>`;

export interface BarePage {
  url: string;
  close: () => void;
}

async function read(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(path, import.meta.url)), "utf8");
}

export async function serveBarePage(script = "participant-page.ts"): Promise<BarePage> {
  const participant = await transformWithOxc(await read(`clients/${script}`), script);
  const files: Record<string, readonly [type: string, body: string]> = {
    "/": ["text/html", PAGE],
    "/livekit-client.mjs": ["text/javascript", await read("../node_modules/livekit-client/dist/livekit-client.esm.mjs")],
    "/participant.mjs": ["text/javascript", participant.code],
  };
  const server = createServer((request, response) => {
    const [type, body] = files[request.url ?? ""] ?? [];
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type ?? "text/plain" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

/** Another site: a page without a build step, on another origin and host than Dais. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface OtherSite {
  /** Address of the one page. */
  url: string;
  stop: () => Promise<void>;
}

/** Serves `body` as a page. `localhost` is another site than `127.0.0.1`. */
export async function startOtherSite(body: string): Promise<OtherSite> {
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A blog</title><style>p { color: rgb(200, 0, 0) }</style><main><h1>A blog</h1>${body}</main></html>`;
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A token of a new person in an open event, as a site's own server would ask for it. */
export async function enterOpenEvent(dais: string, slug: string, name: string): Promise<string> {
  const preview = (await (await fetch(`${dais}/api/v1/event-previews/${slug}`)).json()) as { id: string };
  const entry = await fetch(`${dais}/api/v1/experience`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ event_id: preview.id, name }) });
  return ((await entry.json()) as { token: string }).token;
}

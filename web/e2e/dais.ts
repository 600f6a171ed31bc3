/** Starts all of Dais for a test: free ports, a temporary data folder, ended by its process id. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RESULTS = fileURLToPath(new URL("../test-results", import.meta.url));

/** Where `cargo build` puts programs. */
export function binaries(): string {
  return join(process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target"), "debug");
}

/** The binary that `cargo build -p dais` made. */
function binary(): string {
  return process.env["DAIS_BIN"] ?? join(binaries(), "dais");
}

const START_MS = 60_000;
/** SIGTERM seals stages and drains; then it has to be gone. */
const STOP_MS = 30_000;

export interface Dais {
  url: string;
  /** Works once. */
  signInLink: string;
  /** Process ids of the children that mix stages. */
  mixerChildren: () => number[];
  /** A room token. */
  token: (room: string, identity: string) => string;
  stop: () => Promise<void>;
}

interface Announced {
  url: string;
  signInLink: string;
}

function announced(child: ChildProcess): Promise<Announced> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`dais did not start:\n${text}`)), START_MS);
    child.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
      const url = /^Dais runs at\s+(\S+)\n/m.exec(text)?.[1];
      const signInLink = /^sign in, once, at\s+(\S+)\n/m.exec(text)?.[1];
      if (!url || !signInLink) return;
      clearTimeout(timer);
      resolve({ url, signInLink });
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`dais ended with ${code}:\n${text}`)));
  });
}

async function ready(url: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`not ready: ${answer ? await answer.text() : "no answer"}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export interface Options {
  /** Where browsers reach media. `default` offers every interface's address, as a server does that nobody configured. */
  media: "loopback" | "default";
  /** For room tokens and server APIs. */
  apiKey?: { key: string; secret: string };
  /** UDP port of media, that of the only shard. */
  mediaPort?: number;
}

function childrenOf(pid: number, name: string): number[] {
  const { stdout } = spawnSync("pgrep", ["--parent", String(pid), "--full", name], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** `name` tells the logs of several servers apart. */
export async function startDais(name: string, { media, apiKey, mediaPort }: Options = { media: "loopback" }): Promise<Dais> {
  const folder = await mkdtemp(join(tmpdir(), "dais-e2e-"));
  await mkdir(RESULTS, { recursive: true });
  const log = createWriteStream(join(RESULTS, `dais-${name}.log`));
  const args = ["up", "--http-addr", "127.0.0.1:0", "--data-dir", folder, "--sfu-media-port", String(mediaPort ?? 0)];
  if (media === "loopback") args.push("--sfu-media-ips", "127.0.0.1");
  if (mediaPort) args.push("--sfu-shards", "1");
  if (apiKey) args.push("--api-key", apiKey.key, "--api-secret", apiKey.secret);
  const child = spawn(binary(), args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, DAIS_LOG: process.env["DAIS_LOG"] ?? "info" } });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const { url, signInLink } = await announced(child);
  await ready(url);
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exited;
    clearTimeout(timer);
    log.end();
    await rm(folder, { recursive: true, force: true });
  };
  const token = (room: string, identity: string) =>
    execFileSync(binary(), ["token", "--data-dir", folder, "--room", room, "--identity", identity], { encoding: "utf8" }).trim();
  return { url, signInLink, mixerChildren: () => childrenOf(child.pid ?? 0, "mixer-child"), token, stop };
}

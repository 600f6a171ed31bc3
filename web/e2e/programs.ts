/** Clients of other makers as programs of their own: started, listened to, ended by the end of their input. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const CLIENTS = fileURLToPath(new URL("clients", import.meta.url));

const START_MS = 60_000;
const END_MS = 60_000;

/** The Python in which `scripts/deps` installs LiveKit's packages. */
function python(): string {
  const tools = process.env["DAIS_TOOLS_DIR"];
  if (!tools) throw new Error("DAIS_TOOLS_DIR is not set: run this by `make test`, or set it to the folder that `make deps` fills.");
  return join(tools, "python/bin/python");
}

/** How to start a program of `clients`. */
export function client(file: string): readonly [string, string] {
  return [file.endsWith(".py") ? python() : process.execPath, join(CLIENTS, file)];
}

/** A running program that speaks in JSON lines. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  /** The last value of each field that it said. */
  readonly #said: Record<string, unknown> = {};
  #errors = "";
  #waiting: (() => void)[] = [];

  constructor([command, ...args]: readonly [string, ...string[]]) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr?.on("data", (data: Buffer) => (this.#errors += data.toString()));
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on("line", (line) => this.#hear(line));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", resolve);
    });
    // Who waits for a word hears of the end, too.
    void this.#ended.finally(() => this.#wake()).catch(() => undefined);
  }

  /** The last value of a field. */
  said<T>(field: string): T | undefined {
    return this.#said[field] as T | undefined;
  }

  /** Waits until it says a field, with a value that is wanted. */
  async until<T>(field: string, wanted: (value: T) => boolean = () => true): Promise<T> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      const value = this.said<T>(field);
      if (value !== undefined && wanted(value)) return value;
      if (this.#child.exitCode !== null || Date.now() > deadline) throw new Error(`no ${field}; status ${this.#child.exitCode}; said ${JSON.stringify(this.#said)}\n${this.#errors}`);
      await this.#word(deadline - Date.now());
    }
  }

  tell(order: object | string): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Ends its input and waits until it is gone; fails when it complains. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.kill(), END_MS);
    const status = await this.#ended;
    clearTimeout(timer);
    if (status !== 0) throw new Error(`status ${status}\n${this.#errors}`);
  }

  /** For the end of a failed test. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #hear(line: string): void {
    if (!line.startsWith("{")) return;
    Object.assign(this.#said, JSON.parse(line));
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #word(patience: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Mean volume in dBFS of what ffmpeg hears at an address. */
export async function loudness(url: string): Promise<number> {
  const { stderr } = await promisify(execFile)("ffmpeg", ["-hide_banner", "-i", url, "-vn", "-af", "volumedetect", "-f", "null", "-"]);
  return Number(/mean_volume: (\S+) dB/.exec(stderr)?.[1]);
}

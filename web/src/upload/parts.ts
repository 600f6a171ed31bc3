/** Uploads a file in parts and goes on where it stopped. It knows no API: the transport does. */

export interface Part {
  number: number;
  etag: string;
}

export interface Transport {
  /** Parts that the store already holds. */
  stored: () => Promise<readonly Part[]>;
  /** A short-lived URL to put one part to. */
  urlOf: (number: number) => Promise<string>;
  /** Sends one part and answers with its ETag. */
  put: (url: string, body: Blob, onSent: (bytes: number) => void, signal: AbortSignal) => Promise<string>;
  complete: (parts: readonly Part[]) => Promise<void>;
}

export interface Slice {
  number: number;
  start: number;
  end: number;
}

/** Numbers start at 1, as S3 has them. An empty file is one empty part. */
export function slices(size: number, partSize: number): readonly Slice[] {
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, index) => ({ number: index + 1, start: index * partSize, end: Math.min(size, (index + 1) * partSize) }));
}

/** Three at a time hide the round trip without crowding out the rest of the page. */
const PARALLEL = 3;
const TRIES = 5;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function sendPart(file: Blob, slice: Slice, transport: Transport, onSent: (bytes: number) => void, signal: AbortSignal): Promise<Part> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const url = await transport.urlOf(slice.number);
      const etag = await transport.put(url, file.slice(slice.start, slice.end), onSent, signal);
      return { number: slice.number, etag };
    } catch (error) {
      onSent(0);
      if (signal.aborted || attempt >= TRIES) throw error;
      await wait(500 * 2 ** attempt);
    }
  }
}

/** Sends what is missing, then completes. `onProgress` gets bytes that arrived, of the whole file. */
export async function uploadParts(file: Blob, partSize: number, transport: Transport, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const all = slices(file.size, partSize);
  const done = new Map((await transport.stored()).map((part) => [part.number, part]));
  const sent = new Map(all.filter((slice) => done.has(slice.number)).map((slice) => [slice.number, slice.end - slice.start]));
  const report = () => onProgress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  report();
  const queue = all.filter((slice) => !done.has(slice.number));
  const work = async () => {
    for (let slice = queue.shift(); slice; slice = queue.shift()) {
      const { number } = slice;
      const part = await sendPart(file, slice, transport, (bytes) => {
        sent.set(number, bytes);
        report();
      }, signal);
      done.set(number, part);
      sent.set(number, slice.end - slice.start);
      report();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  await transport.complete([...done.values()].toSorted((a, b) => a.number - b.number));
}

/** `put` of a transport over XMLHttpRequest: `fetch` tells nothing about bytes sent. */
export function putPart(url: string, body: Blob, onSent: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.addEventListener("progress", (event) => onSent(event.loaded));
    request.addEventListener("load", () => {
      const etag = request.getResponseHeader("ETag");
      if (request.status >= 200 && request.status < 300 && etag) resolve(etag);
      else reject(new Error(`the store answered ${request.status}`));
    });
    request.addEventListener("error", () => reject(new Error("the store cannot be reached")));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

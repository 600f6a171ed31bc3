import { describe, expect, it } from "vitest";
import { type Part, slices, type Transport, uploadParts } from "./parts";

function store(held: Part[]): Transport & { puts: string[]; completed: readonly Part[] } {
  return {
    puts: [],
    completed: [],
    stored: () => Promise.resolve(held),
    urlOf: (number) => Promise.resolve(`part-${number}`),
    put(url) {
      this.puts.push(url);
      return Promise.resolve(`etag-${url}`);
    },
    complete(parts) {
      this.completed = parts;
      return Promise.resolve();
    },
  };
}

const never = new AbortController().signal;

describe("an upload in parts", () => {
  it("cuts a file into numbered parts without holes", () => {
    expect(slices(25, 10)).toEqual([
      { number: 1, start: 0, end: 10 },
      { number: 2, start: 10, end: 20 },
      { number: 3, start: 20, end: 25 },
    ]);
  });

  it("sends every part and completes in order", async () => {
    const target = store([]);
    const progress: number[] = [];
    await uploadParts(new Blob(["x".repeat(25)]), 10, target, (bytes) => progress.push(bytes), never);
    expect(target.completed.map((part) => part.number)).toEqual([1, 2, 3]);
    expect(progress.at(-1)).toBe(25);
  });

  it("sends only what is missing after a reload", async () => {
    const target = store([{ number: 1, etag: "a" }, { number: 3, etag: "c" }]);
    await uploadParts(new Blob(["x".repeat(25)]), 10, target, () => undefined, never);
    expect(target.puts).toEqual(["part-2"]);
    expect(target.completed).toHaveLength(3);
  });
});

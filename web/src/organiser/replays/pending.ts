/** Remembers an unfinished upload across reloads: which file it was and the server's name for it. */

export interface Pending {
  uploadId: string;
  name: string;
  size: number;
  lastModified: number;
}

const keyOf = (eventId: string) => `dais.upload.${eventId}`;

export function readPending(eventId: string): Pending | undefined {
  try {
    const text = localStorage.getItem(keyOf(eventId));
    return text === null ? undefined : (JSON.parse(text) as Pending);
  } catch {
    return undefined;
  }
}

export function keepPending(eventId: string, pending: Pending): void {
  try {
    localStorage.setItem(keyOf(eventId), JSON.stringify(pending));
  } catch {
    // Storage is blocked: the upload works, but a reload forgets it.
  }
}

export function dropPending(eventId: string): void {
  try {
    localStorage.removeItem(keyOf(eventId));
  } catch {
    // It was never there.
  }
}

/** Whether this is the file that was begun. Browsers do not keep files across a reload, hence the question. */
export function isSameFile(pending: Pending, file: File): boolean {
  return pending.name === file.name && pending.size === file.size && pending.lastModified === file.lastModified;
}

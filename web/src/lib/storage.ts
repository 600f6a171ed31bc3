/** Session storage that may be blocked: then values live as long as the page. */

const fallback = new Map<string, string>();

export function readSession(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? fallback.get(key);
  } catch {
    return fallback.get(key);
  }
}

export function writeSession(key: string, value: string): void {
  fallback.set(key, value);
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Kept in `fallback`.
  }
}

export function removeSession(key: string): void {
  fallback.delete(key);
  try {
    sessionStorage.removeItem(key);
  } catch {
    // It was never there.
  }
}

/** Reads `#name=value` and takes it out of the address bar and the history, so that it is not shared by accident. */
export function takeFromHash(name: string): string | undefined {
  const value = new URLSearchParams(window.location.hash.slice(1)).get(name) ?? undefined;
  if (value !== undefined) history.replaceState(history.state, "", window.location.pathname + window.location.search);
  return value;
}

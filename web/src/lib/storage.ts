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

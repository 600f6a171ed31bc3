/** Small hooks over browser state. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { useEmbedding } from "./embedding";

/** The time, again every `everyMs`. */
export function useNow(everyMs = 1000): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Names the tab; the name before comes back when the screen leaves. Another site's tab keeps its name. */
export function useTitle(title: string | undefined): void {
  const embedded = useEmbedding() !== undefined;
  useEffect(() => {
    if (title === undefined || embedded) return undefined;
    const before = document.title;
    document.title = `${title} · Dais`;
    return () => {
      document.title = before;
    };
  }, [title, embedded]);
}

/**
 * The value of `#name=value`, which then leaves the address bar and the history, so that it is not shared by accident. It stays there
 * until the screen is shown: React may begin to render a screen, drop that, and begin again.
 */
export function useHashValue(name: string): string | undefined {
  const [value] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get(name) ?? undefined);
  useEffect(() => {
    if (value !== undefined) history.replaceState(history.state, "", window.location.pathname + window.location.search);
  }, [value]);
  return value;
}

/** Whether a media query matches, followed. */
export function useMediaQuery(query: string): boolean {
  return useSyncExternalStore(
    (notify) => {
      const list = matchMedia(query);
      list.addEventListener("change", notify);
      return () => list.removeEventListener("change", notify);
    },
    () => matchMedia(query).matches,
  );
}

/** Size of an element in CSS pixels, followed. `undefined` until it was measured. */
export function useSize(element: HTMLElement | null): { width: number; height: number } | undefined {
  const [size, setSize] = useState<{ width: number; height: number }>();
  useEffect(() => {
    if (!element) return undefined;
    const observer = new ResizeObserver((entries) => {
      const box = entries[0]?.contentRect;
      if (box) setSize({ width: box.width, height: box.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

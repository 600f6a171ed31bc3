/** Gives the element its stream, and later each new token of the same stream. Repairs are `watch.ts`'s. */
import type { HlsVideoElement } from "hls-video-element";
import Hls, { type HlsConfig } from "hls.js";
import { useEffect, useRef, useState } from "react";
import type { StreamState } from "./recovery";
import { Watch } from "./watch";

const TOKEN = "token";

/** Names the stream: the same for all tokens. */
function withoutToken(src: string): string {
  const url = new URL(src, location.href);
  url.searchParams.delete(TOKEN);
  return url.href;
}

/**
 * `url` with the token of `src` instead of its own. Playlists carry the token that they were asked with in every URI, and
 * hls.js keeps those URIs. An address elsewhere, or without a token, is none of the origin's and stays.
 */
export function withTokenOf(src: string, url: string): string {
  const newest = new URL(src, location.href);
  const token = newest.searchParams.get(TOKEN);
  const asked = new URL(url, location.href);
  if (token === null || !asked.searchParams.has(TOKEN) || !asked.href.startsWith(new URL(".", newest).href)) return url;
  asked.searchParams.set(TOKEN, token);
  return asked.href;
}

/**
 * Plays `src` in the element and follows it; `config` stays the same. `beforeReset` is called when the video is about to lose its picture.
 *
 * The element gets its address here and not from React, which makes elements long before it shows them: on a busy machine the
 * stream would begin without its configuration, and an answer would come before anybody listens.
 */
export function useStream(element: HlsVideoElement | null, src: string, config: Partial<HlsConfig>, beforeReset: () => void): StreamState {
  const [state, setState] = useState<StreamState>("starting");
  const newest = useRef({ src, beforeReset });
  const watched = useRef<Watch>(undefined);
  const resume = useRef(false);
  useEffect(() => {
    newest.current = { src, beforeReset };
    watched.current?.renew();
  }, [src, beforeReset]);
  // A browser that plays HLS itself also asks itself: another token is another stream to it.
  const stream = Hls.isSupported() ? withoutToken(src) : src;
  useEffect(() => {
    if (!element) return undefined;
    setState("starting");
    let ended = false;
    const listen = () => {
      if (!ended && element.api) watched.current = new Watch(element.api, setState, () => newest.current.beforeReset());
    };
    const begin = () => {
      if (ended) return;
      const xhrSetup = (xhr: XMLHttpRequest, url: string) => xhr.open("GET", withTokenOf(newest.current.src, url), true);
      // The element would have hls.js load only once, so that a playlist that is asked for again would lead to nothing.
      element.config = { ...config, autoStartLoad: true, xhrSetup };
      element.src = newest.current.src;
      if (resume.current) void element.play().catch(() => undefined);
      // The element makes its hls.js in a microtask; nothing can be heard of it before the next one.
      queueMicrotask(listen);
    };
    // Not at once: in development React runs effects, ends them and runs them again, and the element would load twice.
    queueMicrotask(begin);
    const onNative = () => {
      if (!element.api) setState("playing");
    };
    element.addEventListener("playing", onNative);
    return () => {
      ended = true;
      resume.current = !element.paused;
      element.removeEventListener("playing", onNative);
      watched.current?.end();
      watched.current = undefined;
      // Otherwise hls.js goes on loading for a video that nobody sees.
      element.removeAttribute("src");
    };
  }, [element, stream, config]);
  return state;
}

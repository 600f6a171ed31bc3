/** The player, whose bundle comes when there is something to play. */
import "./player.css";
import { lazy, Suspense } from "react";
import type { Player as LoadedPlayer, PlayerProps } from "./player";

/** Brings the bundle ahead of time: something will be played soon. */
export function loadPlayer(): Promise<{ Player: typeof LoadedPlayer }> {
  return import("./player");
}

const Loaded = lazy(async () => ({ default: (await loadPlayer()).Player }));

export function Player(props: PlayerProps) {
  return (
    <Suspense fallback={<div className="holding" />}>
      <Loaded {...props} />
    </Suspense>
  );
}

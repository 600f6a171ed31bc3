/** Which tiles a call shows, and in which order. It places none of them. */
import { isTrackReference, type TrackReferenceOrPlaceholder, useTracks } from "@livekit/components-react";
import { type Participant, Track } from "livekit-client";
import { useMemo } from "react";

/** Key of a tile that stays the same while its person is here. */
export function tileKey(tile: TrackReferenceOrPlaceholder): string {
  return `${tile.participant.identity}/${tile.source}`;
}

/** The attribute in which the server says what a participant is. */
const ROLE = "dais.role";

export function isOrganiser(participant: Participant): boolean {
  return participant.attributes[ROLE] === "organiser";
}

/** Viewers have no tile: they may not publish. Nor has an organiser who only listens from the control room. */
export function isOnScreen(participant: Participant): boolean {
  if (participant.permissions?.canPublish === false) return false;
  return participant.isLocal || !isOrganiser(participant) || participant.trackPublications.size > 0;
}

function isScreen(tile: TrackReferenceOrPlaceholder): boolean {
  return tile.source === Track.Source.ScreenShare;
}

/** Screens first, then people by arrival: nobody jumps when somebody speaks, joins or leaves. */
function inOrder(a: TrackReferenceOrPlaceholder, b: TrackReferenceOrPlaceholder): number {
  if (isScreen(a) !== isScreen(b)) return isScreen(a) ? -1 : 1;
  const arrived = (tile: TrackReferenceOrPlaceholder) => tile.participant.joinedAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return arrived(a) - arrived(b) || a.participant.identity.localeCompare(b.participant.identity);
}

export interface Tiles {
  tiles: readonly TrackReferenceOrPlaceholder[];
  /** Key of the tile that is large, if one is. */
  focus: string | undefined;
}

export function useTiles(pinned: string | undefined): Tiles {
  const tracks = useTracks(
    [
      { source: Track.Source.Camera, withPlaceholder: true },
      { source: Track.Source.ScreenShare, withPlaceholder: false },
    ],
    { onlySubscribed: false },
  );
  return useMemo(() => {
    const tiles = tracks.filter((tile) => isOnScreen(tile.participant)).toSorted(inOrder);
    const wanted = tiles.find((tile) => tileKey(tile) === pinned) ?? tiles.find((tile) => isScreen(tile) && isTrackReference(tile) && !tile.participant.isLocal);
    if (!wanted) return { tiles, focus: undefined };
    return { tiles: [wanted, ...tiles.filter((tile) => tile !== wanted)], focus: tileKey(wanted) };
  }, [tracks, pinned]);
}

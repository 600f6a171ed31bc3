/** What is on stage, and what is prepared to come next. Pure: it sends nothing. */

import type { Programme as ApiProgramme } from "@/api/types";

/** Identities in tile order; everybody else is backstage. */
export type Programme = ApiProgramme;
export type Layout = Programme["layout"];

export const LAYOUTS: readonly Layout[] = ["solo", "side_by_side", "grid"];

export type Change = { do: "toggle"; identity: string } | { do: "first"; identity: string } | { do: "layout"; layout: Layout };

export function changed(programme: Programme, change: Change): Programme {
  switch (change.do) {
    case "toggle": {
      const without = programme.on_stage.filter((identity) => identity !== change.identity);
      const on_stage = without.length < programme.on_stage.length ? without : [...programme.on_stage, change.identity];
      return { ...programme, on_stage };
    }
    case "first":
      return { ...programme, on_stage: [change.identity, ...programme.on_stage.filter((identity) => identity !== change.identity)] };
    case "layout":
      return { ...programme, layout: change.layout };
  }
}

export function same(a: Programme, b: Programme): boolean {
  return a.layout === b.layout && a.on_stage.length === b.on_stage.length && a.on_stage.every((identity, index) => identity === b.on_stage[index]);
}

/** How many of the people on stage the picture shows. */
export function shown(programme: Programme): number {
  switch (programme.layout) {
    case "solo":
      return Math.min(1, programme.on_stage.length);
    case "side_by_side":
      return Math.min(2, programme.on_stage.length);
    case "grid":
      return programme.on_stage.length;
  }
}

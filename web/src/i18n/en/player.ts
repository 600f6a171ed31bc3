/** Texts of the player. */
export const player = {
  starting: "The picture is on its way…",
  reconnecting: "Reconnecting…",
  turnSoundOn: "Turn the sound on",
  behind: "{{seconds}} s behind live",
  quality: "Quality",
  captions: "Captions",
  speed: "Speed",
} as const;

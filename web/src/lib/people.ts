/** How a person looks before there is a picture of them. */

/** `Ada Obi` → `AO`. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "";
  const last = words.length > 1 ? (words[words.length - 1] ?? "") : "";
  return ([...first][0] ?? "?").toUpperCase() + ([...last][0] ?? "").toUpperCase();
}

/** Dark ends of gradients; white initials keep 4.5 : 1 on each of them. */
const HUES = [228, 262, 18, 200, 152, 340, 42, 290] as const;

/** A calm gradient that is always the same for the same person. */
export function personGradient(key: string): string {
  // FNV-1a: names that differ in one letter get far apart colours.
  let hash = 0x811c9dc5;
  for (const char of key) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  hash = (hash ^ (hash >>> 15)) >>> 0;
  const hue = HUES[hash % HUES.length] ?? HUES[0];
  return `linear-gradient(135deg, hsl(${hue} 42% 26%), hsl(${hue} 38% 40%))`;
}

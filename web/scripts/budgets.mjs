// Says how much JavaScript each screen loads, gzipped, and fails when one is over its budget.
// Reads what `npm run build` left in `dist`: the entry, the screen's chunks, and everything they import at once.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** What the router loads for each attendee's screen. A part that comes by itself when a stage is live counts, too. */
const SHELL = ["index.html", "src/attendee/shell.tsx"];
const APP = new URL("../dist/", import.meta.url);
/** The same screens as custom elements. */
const EMBED = new URL("../dist/embed/", import.meta.url);
const PLAYER = "src/player/player.tsx";
const SCREENS = {
  reception: { budgetKb: 120, dist: APP, modules: [...SHELL, "src/attendee/reception/reception.tsx"] },
  stage: { budgetKb: 250, dist: APP, modules: [...SHELL, "src/attendee/stage/stage.tsx", PLAYER] },
  session: { budgetKb: 300, dist: APP, modules: [...SHELL, "src/attendee/session/session.tsx"] },
  "dais-reception": { budgetKb: 120, dist: EMBED, modules: ["src/embed/dais-reception.ts"] },
  "dais-stage": { budgetKb: 250, dist: EMBED, modules: ["src/embed/dais-stage.ts", PLAYER] },
  "dais-session": { budgetKb: 300, dist: EMBED, modules: ["src/embed/dais-session.ts"] },
  "dais-replay": { budgetKb: 250, dist: EMBED, modules: ["src/embed/dais-replay.ts", PLAYER] },
};

async function manifestOf(dist) {
  const text = await readFile(new URL(".vite/manifest.json", dist), "utf8").catch(() => {
    console.error("dist is missing: run `npm run build` first.");
    process.exit(1);
  });
  return JSON.parse(text);
}

/** Every file that these modules need before they run. */
function filesOf(manifest, modules) {
  const seen = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk) throw new Error(`${key} is no chunk of its own any more: say in budgets.mjs what the screen loads`);
    if (seen.has(key)) return;
    seen.add(key);
    for (const next of chunk.imports ?? []) visit(next);
  };
  for (const key of modules) visit(key);
  return new Set([...seen].map((key) => manifest[key].file).filter((file) => file.endsWith(".js")));
}

async function gzippedBytes(dist, file) {
  return gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length;
}

let over = 0;
for (const [screen, { budgetKb, dist, modules }] of Object.entries(SCREENS)) {
  const sizes = await Promise.all([...filesOf(await manifestOf(dist), modules)].map(async (file) => ({ file, bytes: await gzippedBytes(dist, file) })));
  const kb = sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
  console.log(`${screen}: ${kb.toFixed(1)} of ${budgetKb} KB`);
  if (process.argv.includes("--files")) for (const { file, bytes } of sizes.toSorted((a, b) => b.bytes - a.bytes)) console.log(`  ${(bytes / 1000).toFixed(1).padStart(6)}  ${file}`);
  if (kb > budgetKb) over += 1;
}
if (over > 0) {
  console.error(`${over} over budget: \`node scripts/budgets.mjs --files\` lists the chunks.`);
  process.exit(1);
}

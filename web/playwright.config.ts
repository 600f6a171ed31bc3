/** Browser tests: real servers, real browsers, fake cameras. */
import { defineConfig } from "@playwright/test";

/** No speaker, no mixer, and nothing that fails when the machine is slow: other tests may run beside these (`scripts/test`). */
const PAGES = ["chat", "embed", "player", "recovery", "screens", "upload"].map((name) => `${name}.spec.ts`);

export default defineConfig({
  testDir: "e2e",
  projects: [
    { name: "pages", testMatch: PAGES, outputDir: "test-results/artefacts/pages" },
    { name: "media", testIgnore: PAGES, outputDir: "test-results/artefacts/media" },
  ],
  // Speakers, viewers and a mixer share the machine: one test at a time.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  // A shared machine may stand still for minutes; what passed at the second attempt is listed as flaky.
  retries: process.env["CI"] ? 1 : 0,
  // Long enough for a busy machine; what the product promises has its own deadline in the test.
  expect: { timeout: 30_000 },
  reporter: [["list"], ["junit", { outputFile: "test-results/e2e.xml" }]],
  use: { locale: "en-GB", timezoneId: "Europe/Paris", trace: "off" },
});

/** Browser tests: real servers, real browsers, fake cameras. */
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results/artefacts",
  // Speakers, viewers and a mixer share the machine: one test at a time.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 15_000 },
  reporter: [["list"], ["junit", { outputFile: "test-results/e2e.xml" }]],
  use: { locale: "en-GB", timezoneId: "Europe/Paris", trace: "off" },
});

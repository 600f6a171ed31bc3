/** Browser tests: real servers, real browsers, fake cameras. */
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results/artefacts",
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

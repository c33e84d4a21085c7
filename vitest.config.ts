import "./scripts/typescript.mjs";
import { defineConfig } from "vitest/config";
import { RunReporter } from "./test/support/run-reporter.ts";
import { SlowFirst } from "./test/support/slow-first.ts";

/** Unit tests by the thousand, and those that wait for real connections: part of `npm test`, too long for `npm run check`. */
const longUnit = "test/unit/**/*-{property,fuzz,chaos,network}.test.ts";

/** Integration tests that hold a delay to a bar: one at a time, with nothing of ours beside them. */
const measured =
  "test/integration/**/{malformed-authorization.401,hostile-json.400,compression-bomb.415,tenant-timing.404}.test.ts";

/** Of the installations that are used end to end: those that are held to a time, or need one. */
const timed = "test/e2e/{first-start,rotation,drain}.test.ts";

/** What must hold under every interleaving has one try. */
const once = "test/integration/{keys,ledger,limits,security}/**/*.test.ts";

/**
 * Node loads our modules, as it does in the product. Vite's way of loading takes more time, and then every use of an import
 * is a call.
 */
const native = { execArgv: ["--import", new URL("scripts/typescript.mjs", import.meta.url).href] };

const integration = {
  ...native,
  globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
  testTimeout: 120_000,
  hookTimeout: 60_000,
  // Modules keep no state: loading them for each file would take a quarter of the time.
  isolate: false,
  // More than two cores: these tests wait for processes, time-outs and schedules more than they compute.
  maxWorkers: 3,
  sequence: { groupOrder: 2 },
};

export default defineConfig({
  test: {
    reporters: ["default", new RunReporter()],
    sequence: { sequencer: SlowFirst },
    experimental: { viteModuleRunner: false, nodeLoader: false },
    projects: [
      {
        test: {
          ...native,
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/tidy.test.ts"],
          exclude: [longUnit],
          // A thread and a module cache for many files, not for each: half the time. Modules here keep no state.
          isolate: false,
          pool: "threads",
          testTimeout: 30_000,
          // Not two: each would load the same modules, and what `npm run check` does beside it has the other core.
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...native,
          name: "fuzz",
          include: [longUnit],
          testTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...integration,
          name: "integration",
          include: ["test/integration/**/*.test.ts", "test/e2e/**/*.test.ts"],
          exclude: [measured, timed, once],
          // They share two cores with two other files. Who needed it is told at the end of the run.
          retry: 1,
        },
      },
      { test: { ...integration, name: "integration-once", include: [once], exclude: [measured] } },
      {
        test: {
          ...native,
          name: "integration-alone",
          include: [measured],
          globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...native,
          name: "e2e",
          include: [timed, "test/faults/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          // Not part of `npm test`: it installs packages of another language.
          ...native,
          name: "clients",
          include: ["test/clients/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 6 },
        },
      },
      {
        test: {
          ...native,
          name: "browser",
          retry: 1,
          include: ["test/browser/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // A browser waits for much: two of them take two thirds of the time of one after the other.
          maxWorkers: 2,
          sequence: { groupOrder: 5 },
        },
      },
      {
        // Not a part of `npm test`: `npm run screenshots` writes docs/images.
        test: {
          ...native,
          name: "screenshots",
          include: ["test/screenshots/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts", "test/support/build-setup.ts"],
          testTimeout: 120_000,
          sequence: { groupOrder: 6 },
        },
      },
    ],
  },
});

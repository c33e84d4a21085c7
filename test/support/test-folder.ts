import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** An empty folder, made in a test or its `beforeEach`; it goes when the test and all its `afterEach` have ended. */
export function makeTestFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

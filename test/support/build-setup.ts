import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

let isDone = false;

/**
 * What is tested in processes and in browsers is what the sources say. `npm test` has built the product before; the
 * programs of the tests themselves are compiled beside it.
 */
export default function setup(): void {
  // Once for all projects of a run.
  if (isDone) return;
  isDone = true;
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  run("scripts/prepare.mjs", "--build");
  run("node_modules/typescript/bin/tsc", "-p", "tsconfig.programs.json");
}

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

let isDone = false;

/** What is tested in processes and in browsers is what the sources say. `npm test` has built before; then this takes no time. */
export default function setup(): void {
  // Once for all projects of a run.
  if (isDone) return;
  isDone = true;
  execFileSync(process.execPath, ["scripts/prepare.mjs", "--build"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

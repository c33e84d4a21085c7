import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The pages that are tested are those that the sources say. `npm test` has built before; then this takes no time. */
export default function setup(): void {
  execFileSync(process.execPath, ["scripts/prepare.mjs", "--build"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/**
 * Tries for the data folders `0` to `N - 1` below a folder, whose owners are all dead, together with others that were given the
 * same moment: `owner-lock-child.ts FOLDER N START_MS`. Prints the ones it won, and keeps them until its input ends.
 */
import { once } from "node:events";
import { join } from "node:path";
import { reserveOwnerLock } from "../../server/platform/embedded-postgres/owner-lock.ts";

const [folder = "", count = "", startMs = ""] = process.argv.slice(2);
const won: number[] = [];
for (let index = 0; index < Number(count); index++) {
  // All of them at once, folder by folder: a wait that yields would come back late.
  while (Date.now() < Number(startMs) + index * 5);
  try {
    reserveOwnerLock(join(folder, String(index)));
    won.push(index);
  } catch {
    // Another one has it.
  }
}
process.stdout.write(`${JSON.stringify(won)}\n`);
await once(process.stdin.resume(), "end");

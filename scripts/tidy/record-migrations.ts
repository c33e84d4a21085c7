import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checksumFile, makeChecksum } from "./rules/immutable-migration.ts";

// Records new migrations; never changes a line that stands. Run it in the commit that lands a migration.
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const file = join(root, checksumFile);

function readRecorded(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

const recorded = readRecorded();
const names = readdirSync(dirname(file)).filter((name) => name.endsWith(".sql"));
const added = names.filter((name) => !(name in recorded)).sort();
for (const name of added) recorded[name] = makeChecksum(readFileSync(join(dirname(file), name), "utf8"));
writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
console.log(added.length === 0 ? "Nothing new to record." : `Recorded ${added.join(", ")}.`);

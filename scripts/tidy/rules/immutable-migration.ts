import { createHash } from "node:crypto";
import type { Rule } from "../source.ts";

/** File name -> SHA-256 of its text, for every migration that has landed. */
export const checksumFile = "db/migrations/checksums.json";

export function makeChecksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A landed migration has run on somebody's database: changing its text changes nothing there. */
export const immutableMigration: Rule = {
  name: "immutable-migration",
  check({ path, text }, tree) {
    const recorded: Record<string, string> = JSON.parse(tree.get(checksumFile) ?? "{}");
    if (path === checksumFile) {
      return Object.keys(recorded)
        .filter((name) => !tree.has(`db/migrations/${name}`))
        .map((name) => ({ path, line: 1, message: `${name} has landed and is gone` }));
    }
    const name = /^db\/migrations\/([^/]+\.sql)$/.exec(path)?.[1];
    if (name === undefined) return [];
    const checksum = recorded[name];
    if (checksum === undefined)
      return [{ path, line: 1, message: "not recorded; run `npx tsx scripts/tidy/record-migrations.ts`" }];
    if (checksum === makeChecksum(text)) return [];
    return [{ path, line: 1, message: "has landed and was changed; write another migration" }];
  },
};

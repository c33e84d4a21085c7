import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findImports, findPackageName } from "../../../scripts/tidy/imports.ts";
import { parseSource } from "../../../scripts/tidy/source.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** What a file loads before its first line runs: files below the root and packages. What it asks for by `import()` is not. */
function listLoaded(entry: string): Set<string> {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    if (!path.endsWith(".ts")) continue;
    for (const { target, specifier, isTypeOnly, names } of findImports(
      parseSource(path, readFileSync(join(root, path), "utf8")),
    )) {
      if (!isTypeOnly && names !== "") loaded.add(target ?? findPackageName(specifier));
    }
  }
  return loaded;
}

/** What takes long to load, and a file that does load it. */
const heavy = {
  "server/admin/router.ts": "scripts/cli/system-caller.ts",
  "server/admin/openapi-document.ts": "server/admin/admin-router.ts",
  "@pydantic/genai-prices": "server/limits/run-rerate.ts",
  "better-auth": "db/auth-adapter.ts",
  "drizzle-orm": "db/auth-adapter.ts",
  ioredis: "server/platform/redis.ts",
};

test("help, completion and checks wait for none of what only a command at work needs", () => {
  const loaded = listLoaded("scripts/cli/main.ts");
  expect(loaded.has("scripts/cli/program.ts") && loaded.has("commander")).toBe(true);
  expect(Object.keys(heavy).filter((name) => loaded.has(name))).toEqual([]);
});

test.each(Object.entries(heavy))("%s would be found, as in %s", (name, entry) => {
  expect(listLoaded(entry).has(name)).toBe(true);
});

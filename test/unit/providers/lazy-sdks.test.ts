import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const folder = new URL("../../../server/providers/", import.meta.url);
const heavy = /^(?:@ai-sdk\/|@aws-sdk\/|@smithy\/|google-auth-library|aws4fetch)/;
const staticImport = /^import (?!type )[^;]*? from "([^"]+)";/gms;

const imports = new Map(
  readdirSync(folder).map((name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    return [name, [...text.matchAll(staticImport)].map(([, from = ""]) => from)] as const;
  }),
);

/** Files of the room that are loaded with `entry`, and the packages that come with them. */
function findLoaded(entry: string, loaded = new Map<string, string[]>()): Map<string, string[]> {
  if (loaded.has(entry)) return loaded;
  const all = imports.get(entry) ?? [];
  loaded.set(
    entry,
    all.filter((from) => heavy.test(from)),
  );
  for (const from of all) if (from.startsWith("./")) findLoaded(from.slice(2), loaded);
  return loaded;
}

describe("SDKs of providers", () => {
  test("are loaded by nothing that every gateway loads", () => {
    const loaded = findLoaded("registry.ts");
    expect(loaded.size).toBeGreaterThan(25);
    expect([...loaded].filter(([, packages]) => packages.length > 0)).toEqual([]);
  });

  test("are loaded by the files that need them, so that the look would find them", () => {
    for (const name of ["sdk-anthropic.ts", "sdk-bedrock.ts", "sdk-google.ts", "bedrock-messages.ts"]) {
      expect([name, findLoaded(name).get(name)?.length]).toEqual([name, 1]);
    }
  });
});

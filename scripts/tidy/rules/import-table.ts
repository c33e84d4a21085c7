import { findImports, findPackageName, type Import } from "../imports.ts";
import type { Finding, Rule, Source } from "../source.ts";

/** Room -> rooms and single files that it may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "server/core": [],
  "server/platform": ["server/core"],
  db: ["server/core"],
  "server/keys": ["server/core", "server/platform", "db"],
  "server/limits": ["server/core", "server/platform", "db"],
  "server/ledger": ["server/core", "server/platform", "db"],
  "server/providers": ["server/core", "server/platform"],
  "server/proxy": [
    "server/core",
    "server/platform",
    "server/keys",
    "server/limits",
    "server/ledger",
    "server/providers",
  ],
  "server/admin": ["server/core", "server/platform", "server/keys", "server/limits", "db"],
  "server/http": ["server/core", "server/platform"],
  workers: [
    "server/core",
    "server/platform",
    "server/keys",
    "server/limits",
    "server/ledger",
    "db",
    "server/context.ts",
  ],
  web: [],
  client: [],
};

const entryFiles = new Set(["server/main.ts", "server/app.ts", "server/context.ts", "server/store.ts"]);
/** Nothing here touches the world: hashes, checksums, byte arrays. */
const pureModules = new Set([
  "node:assert",
  "node:assert/strict",
  "node:buffer",
  "node:crypto",
  "node:util",
  "node:zlib",
]);
const pureNetNames = /^\{(\s*(type\s+)?(BlockList|SocketAddress|isIP|isIPv4|isIPv6)\s*,?)+\s*\}$/;

function isPure({ specifier, names }: Import): boolean {
  return pureModules.has(specifier) || (specifier === "node:net" && pureNetNames.test(names));
}

function findRoom(path: string): string | null {
  const [first = "", second = ""] = path.split("/");
  if (first !== "server") return first in mayImport ? first : null;
  return `server/${second}` in mayImport ? `server/${second}` : null;
}

function isAppRouter(found: Import): boolean {
  return (
    found.isTypeOnly &&
    !found.isReExport &&
    found.names === "{ AppRouter }" &&
    found.target?.startsWith("server/admin/") === true
  );
}

function mayReach(source: Source, room: string | null, found: Import): boolean {
  const target = found.target as string;
  if (entryFiles.has(source.path)) return target.startsWith("server/") || target.startsWith("db/");
  if (room === "web" || room === "client") return target.startsWith(`${room}/`) || isAppRouter(found);
  return [room, ...(mayImport[room as string] ?? [])].some((to) => target === to || target.startsWith(`${to}/`));
}

/** Who may import whom. Types count: a type from a room is knowledge of that room. */
export const importTable: Rule = {
  name: "import-table",
  check(source) {
    if (!source.isScript || !source.isProduct) return [];
    const room = findRoom(source.path);
    if (room === null && !entryFiles.has(source.path)) {
      return [
        { path: source.path, line: 1, message: "stands in no room; server/ has main, app and context and folders" },
      ];
    }
    const findings: Finding[] = [];
    for (const found of findImports(source)) {
      const report = (message: string) => findings.push({ path: source.path, line: found.line, message });
      if (found.target !== null) {
        if (!mayReach(source, room, found)) report(`${room ?? source.path} may not import ${found.target}`);
      } else if (room === "server/core" && findPackageName(found.specifier) !== "zod" && !isPure(found)) {
        report(`server/core may import no package but zod, not ${found.specifier}`);
      }
    }
    return findings;
  },
};

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder, from the source tree and from a build alike. */
function findPackageFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("package.json is missing: the installation is not whole");
    folder = parent;
  }
  return join(folder, "package.json");
}

/** This release, as package.json says it. */
export const version: string = (JSON.parse(readFileSync(findPackageFile(), "utf8")) as { version: string }).version;

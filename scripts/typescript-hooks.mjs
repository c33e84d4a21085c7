import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transformSync } from "rolldown/utils";

/**
 * Takes the types out of our own modules as they are loaded; a third of a millisecond each, so that nothing is kept.
 * Source: Node.js, "Modules: `node:module` API", load hooks.
 * @type {import("node:module").LoadHook}
 */
export async function load(url, context, nextLoad) {
  const [address = url] = url.split("?", 1);
  if (!address.endsWith(".ts") || address.includes("/node_modules/")) return nextLoad(url, context);
  const path = fileURLToPath(address);
  const { code, map, errors } = transformSync(path, await readFile(path, "utf8"), {
    lang: "ts",
    sourcemap: true,
    tsconfig: false,
    typescript: { onlyRemoveTypeImports: true },
  });
  if (errors[0] !== undefined) throw errors[0];
  const sourceMap = Buffer.from(JSON.stringify(map)).toString("base64");
  return {
    format: "module",
    source: `${code}\n//# sourceMappingURL=data:application/json;base64,${sourceMap}`,
    shortCircuit: true,
  };
}

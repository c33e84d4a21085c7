// Completes package-lock.json with the optional packages of platforms that the registry in use does not offer. npm leaves
// them out when it writes the lock and then misses them in `npm ci`. Run after every change of dependencies:
// `npm run lock`. Entries made here have no integrity hash; a registry that offers the package fills it in.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
/** @type {{ packages: Record<string, { version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string> }> }} */
const lock = JSON.parse(readFileSync(file, "utf8"));

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** @param {string} name */
function parsePlatform(name) {
  const words = name.split(/[-_/]/);
  const os = systems.find((system) => words.includes(system)) ?? (words.includes("wasi") ? "wasi" : undefined);
  const cpu =
    processors.find((processor) => words.includes(processor)) ?? (words.includes("wasi") ? "wasm32" : undefined);
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") ? "glibc" : undefined;
  if (os === undefined && cpu === undefined) return null;
  return { ...(cpu && { cpu: [cpu] }), ...(os && { os: [os] }), ...(libc && { libc: [libc] }) };
}

/** @param {string} from @param {string} name */
function isLocked(from, name) {
  for (let path = from; ; path = path.slice(0, Math.max(0, path.lastIndexOf("node_modules/") - 1))) {
    if (lock.packages[`${path === "" ? "" : `${path}/`}node_modules/${name}`] !== undefined) return true;
    if (path === "") return false;
  }
}

let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue;
    const platform = parsePlatform(name);
    if (platform === null || !/^\d/.test(version))
      throw new Error(`${name}@${version} of ${path} is not for one platform`);
    // A second version of the same package belongs below its parent.
    const taken = lock.packages[`node_modules/${name}`];
    const place = taken === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
    lock.packages[place] = { version, ...platform, ...(entry.dev && { dev: true }), optional: true };
    added++;
  }
}
// The root package has the empty name, so it stays first.
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added} platform packages added to package-lock.json\n`);

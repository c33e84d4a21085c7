// Makes a clone ready to run: locked dependencies, then (with --build) the compiled program. Runs before node_modules
// exists, therefore plain JavaScript on Node's own modules only. Says nothing when there is nothing to do.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isDriverFaulty, mendDriver } from "./mend-driver.mjs";
import { takeLock, updateLock } from "./prepare-lock.mjs";

/**
 * One thing that has to be fresh before the program runs. To add a build, add a step to the list at the end.
 * @typedef {object} Step
 * @property {string} progress One line, printed when the work starts.
 * @property {() => boolean} isStale Cheap: it runs at every start.
 * @property {() => Promise<void>} run Throws when the work failed; an interrupted run must leave the step stale.
 */

/**
 * The fields of a lock file's entry that say what has to stand on the disk.
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {boolean} [peer]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 */

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, "dist");
const program = path.join(dist, "scripts/cli/main.js");
const compiler = path.join(root, "node_modules/typescript/bin/tsc");
const bundler = path.join(root, "node_modules/vite/bin/vite.js");
const dashboard = path.join(dist, "web/index.html");
const sourceFolders = ["server", "workers", "db", "client", "scripts/cli"];
const lock = path.join(dist, ".prepare-lock");

/** @type {import("node:child_process").ChildProcess | undefined} */
let running;

/** @param {string} file */
function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/**
 * @param {string} file
 * @returns {Record<string, LockedPackage> | null}
 */
function readLockedPackages(file) {
  const text = readText(file);
  if (text === null) return null;
  try {
    return JSON.parse(text).packages ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {string[] | undefined} list npm's `os` and `cpu` lists: names, or names to leave out behind a `!`.
 * @param {string} name
 */
function fits(list, name) {
  if (list === undefined) return true;
  return list.includes(name) || (list.every((entry) => entry.startsWith("!")) && !list.includes(`!${name}`));
}

/**
 * True for the binaries of this system. Other optional packages are mostly what the binaries of other systems need.
 *
 * @param {LockedPackage} entry
 */
function isForThisSystem(entry) {
  const names = entry.os !== undefined && entry.libc === undefined;
  return names && fits(entry.os, process.platform) && fits(entry.cpu, process.arch);
}

/**
 * Compares what is locked with what npm says it installed.
 *
 * @returns {"complete" | "production" | "stale"} `production`: everything except the development dependencies.
 */
function findInstallState() {
  const wanted = readLockedPackages(path.join(root, "package-lock.json"));
  const installed = readLockedPackages(path.join(root, "node_modules/.package-lock.json"));
  if (wanted === null || installed === null) return "stale";
  for (const [name, entry] of Object.entries(installed)) {
    if (wanted[name]?.version !== entry.version || wanted[name]?.integrity !== entry.integrity) return "stale";
  }
  const missing = Object.entries(wanted).filter(([name, entry]) => {
    return name !== "" && !(name in installed) && !entry.peer && (!entry.optional || isForThisSystem(entry));
  });
  if (missing.length === 0) return "complete";
  // Not by the compiler's absence: it may stay as somebody's optional peer.
  const hasNoDev = !Object.keys(installed).some((name) => wanted[name]?.dev);
  return hasNoDev && missing.every(([, entry]) => entry.dev || entry.devOptional) ? "production" : "stale";
}

/** Changes with the lock file and with every install, also with one made by hand. */
function makeInstallSignature() {
  const installed = fs.statSync(path.join(root, "node_modules/.package-lock.json"), { throwIfNoEntry: false });
  const lock = readText(path.join(root, "package-lock.json")) ?? "";
  return `${createHash("sha256").update(lock).digest("hex")} ${installed?.mtimeMs} ${installed?.size}`;
}

const installStamp = path.join(root, "node_modules/.tollgate-install");
// Outside node_modules, because npm empties that folder first and writes its own record last.
const installUnderWay = path.join(dist, ".install-under-way");

/** @type {Step} */
const install = {
  progress: "Installing the locked dependencies (npm ci) …",
  isStale() {
    if (fs.existsSync(installUnderWay)) return true;
    if (!fs.existsSync(path.join(root, "node_modules/.package-lock.json"))) return true;
    // An optional package that cannot be had here is asked for once per lock file, not at every start.
    if (readText(installStamp) === makeInstallSignature()) return false;
    const state = findInstallState();
    return state === "stale" || (state === "production" && !(isBuildWanted && fs.existsSync(program)));
  },
  async run() {
    fs.mkdirSync(dist, { recursive: true });
    fs.writeFileSync(installUnderWay, "");
    const withoutDev = isBuildWanted && process.env["NODE_ENV"] === "production" && fs.existsSync(program);
    const npm = process.env["npm_execpath"];
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    args.push(withoutDev ? "--omit=dev" : "--include=dev");
    await (npm?.endsWith("npm-cli.js")
      ? runCommand(process.execPath, [npm, ...args], "ignore")
      : runCommand("npm", args, "ignore"));
    fs.writeFileSync(installStamp, makeInstallSignature());
    fs.rmSync(installUnderWay, { force: true });
  },
};

/** @type {Step} */
const mend = {
  progress: "Mending the PostgreSQL driver …",
  isStale: () => isDriverFaulty(root),
  async run() {
    mendDriver(root);
  },
};

/**
 * @param {string} folder
 * @param {string} ending
 * @returns {string[]} paths below the root.
 */
function findFiles(folder, ending) {
  const absolute = path.join(root, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs.readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return findFiles(file, ending);
    return entry.name.endsWith(ending) ? [file] : [];
  });
}

/** @param {string[]} files */
function makeSourceSignature(files) {
  const hash = createHash("sha256");
  for (const file of [...files.sort(), "package-lock.json"]) {
    const stat = fs.statSync(path.join(root, file), { throwIfNoEntry: false });
    hash.update(`${file} ${stat?.mtimeMs} ${stat?.size}\n`);
  }
  return hash.digest("hex");
}

function makeProgramSignature() {
  const files = sourceFolders.flatMap((folder) => findFiles(folder, ".ts"));
  return makeSourceSignature([...files, "tsconfig.json", "tsconfig.build.json"]);
}

const buildStamp = path.join(dist, ".build-stamp");

/** @type {Step} */
const build = {
  progress: "Compiling …",
  isStale() {
    if (!fs.existsSync(program)) return true;
    if (readText(buildStamp) === makeProgramSignature()) return false;
    // A production install cannot compile; what was built is what runs.
    return findInstallState() !== "production";
  },
  async run() {
    // Taken before the compiler reads: a file saved meanwhile makes the next start compile again.
    const signature = makeProgramSignature();
    fs.rmSync(buildStamp, { force: true });
    // The compiler trusts its record, not the disk: without the program the record is worth nothing.
    if (!fs.existsSync(program)) fs.rmSync(path.join(dist, ".tsbuildinfo"), { force: true });
    await runCommand(process.execPath, [compiler, "-p", "tsconfig.build.json"], process.stderr);
    // `npx tollgate` runs it by its name; the compiler gives no file the right to be run.
    if (fs.existsSync(program)) fs.chmodSync(program, 0o755);
    for (const file of sourceFolders.flatMap((folder) => findFiles(`dist/${folder}`, ".js"))) {
      const source = file.replace(/^dist\//, "").replace(/\.js$/, ".ts");
      if (fs.existsSync(path.join(root, source))) continue;
      fs.rmSync(path.join(root, file), { force: true });
      fs.rmSync(path.join(root, `${file}.map`), { force: true });
    }
    fs.writeFileSync(buildStamp, signature);
  },
};

const makeDashboardSignature = () => makeSourceSignature(findFiles("web", ""));

const dashboardStamp = path.join(dist, ".dashboard-stamp");

/** @type {Step} */
const buildDashboard = {
  progress: "Building the dashboard …",
  isStale() {
    if (!fs.existsSync(path.join(root, "web/index.html"))) return false;
    if (fs.existsSync(dashboard) && readText(dashboardStamp) === makeDashboardSignature()) return false;
    return findInstallState() !== "production";
  },
  async run() {
    const signature = makeDashboardSignature();
    fs.rmSync(dashboardStamp, { force: true });
    // By its name too: where NODE_ENV says something else, React's slow and large development build would be taken.
    await runCommand(process.execPath, [bundler, "build", "web", "--logLevel", "warn"], process.stderr, "production");
    fs.writeFileSync(dashboardStamp, signature);
  },
};

/**
 * Runs to the end with its standard error on ours.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {"ignore" | NodeJS.WriteStream} output Where its standard output goes.
 * @param {string | undefined} nodeEnv As it is unless given.
 * @returns {Promise<void>}
 */
function runCommand(command, args, output, nodeEnv = process.env["NODE_ENV"]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", output, process.stderr],
      env: { ...process.env, ...(nodeEnv === undefined ? {} : { NODE_ENV: nodeEnv }) },
      shell: process.platform === "win32",
    });
    running = child;
    // Named in the lock: npm may outlive a killed parent.
    updateLock(lock, child.pid);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      running = undefined;
      if (code === 0) resolve();
      else
        reject(new Error(`${[path.basename(command), ...args].join(" ")} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

const isBuildWanted = process.argv.includes("--build");
const steps = isBuildWanted ? [install, mend, build, buildDashboard] : [install, mend];

async function prepare() {
  if (!steps.some((step) => step.isStale())) return;
  await takeLock(lock);
  try {
    for (const step of steps) {
      if (!step.isStale()) continue;
      console.error(step.progress);
      await step.run();
    }
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Tollgate needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exitCode = 1;
} else {
  // Ctrl-C reaches npm and the compiler too: they end, the step stays stale, and the lock is given back.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => running?.kill("SIGTERM"));
  await prepare().catch((/** @type {unknown} */ error) => {
    console.error(`Cannot prepare this folder: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}

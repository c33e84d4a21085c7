import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// `npm run check`: everything that needs no store, in under 20 s on two cores, also the first run, which has nothing kept and
// takes half as long again as the next. Silent tools, one line each; what a tool said is printed when it failed. Run a tool
// alone with `npx` and the arguments below.

interface Check {
  name: string;
  /** The tool's program in `node_modules`. */
  program: string;
  args: readonly string[];
}

/** One checker: with more of them what is kept for the next run costs this one half as much again. */
function checkTypes(project: string, cache: string): string[] {
  const kept = `node_modules/.cache/${cache}.tsbuildinfo`;
  return ["--noEmit", "-p", project, "--singleThreaded", "--incremental", "--tsBuildInfoFile", kept];
}

/** The slow ones first, so that none of them starts last. */
const checks: readonly Check[] = [
  { name: "lint", program: "oxlint/bin/oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "unit and tidy", program: "vitest/vitest.mjs", args: ["run", "--project", "unit"] },
  { name: "types", program: "typescript/bin/tsc", args: checkTypes("tsconfig.json", "check") },
  { name: "dead code", program: "knip/bin/knip.js", args: ["--no-progress", "--cache"] },
  { name: "web types", program: "typescript/bin/tsc", args: checkTypes("web", "check-web") },
  { name: "format", program: "@biomejs/biome/bin/biome", args: ["check", "--error-on-warnings", "."] },
];

/**
 * For Node's engine: tools that end within seconds gain nothing from code that is optimized early (a fifth of their work on
 * Node 20; later ones have no such option, and less to gain), or from emptying a small room for new objects again and again.
 */
const engineOptions = [
  "--min-semi-space-size=64",
  "--max-semi-space-size=64",
  ...(process.versions.node.startsWith("20.") ? ["--interrupt-budget=1000000"] : []),
];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const timeoutMs = 120_000;

/** One for each core: more would wait for each other. */
const atOnceMax = Math.max(2, availableParallelism());

function runCheck({ name, program, args }: Check): Promise<boolean> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [...engineOptions, join(root, "node_modules", program), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    env: {
      // Half of what the linter and the type checker do is collecting garbage that would go with the process anyway.
      GOGC: "off",
      GOMEMLIMIT: "3GiB",
      // More type checkers than one look at the same types anew, half as much work again.
      GOMAXPROCS: "1",
      ...process.env,
      FORCE_COLOR: process.stdout.isTTY ? "1" : "0",
    },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
      const verdict = code === 0 ? "ok" : signal === null ? "FAILED" : `FAILED (${signal})`;
      console.log(`${name.padEnd(14)} ${verdict} ${seconds} s`);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

const startedAtMs = performance.now();
const waiting = [...checks];
const verdicts: boolean[] = [];
async function runWaiting(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) verdicts.push(await runCheck(next));
}
await Promise.all(Array.from({ length: atOnceMax }, runWaiting));
const isGood = verdicts.length === checks.length && verdicts.every(Boolean);
console.log(`check ${isGood ? "passed" : "FAILED"} in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`);
process.exitCode = isGood ? 0 : 1;

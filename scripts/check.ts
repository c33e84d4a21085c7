import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// `npm run check`: everything that needs no store, side by side, in well under 20 s. Silent tools, one line each; what a
// tool said is printed when it failed. Run a tool alone with `npx` and the arguments below.

interface Check {
  name: string;
  /** The tool's program in `node_modules`. */
  program: string;
  args: readonly string[];
  /**
   * Has one core, and has it to itself: it takes half of all the time, and more type checkers than one look at the same
   * types anew, half as much work again.
   */
  goesFirst?: true;
}

/** The slow ones first, so that none of them starts last. */
const checks: readonly Check[] = [
  { name: "lint", program: "oxlint/bin/oxlint", args: ["--type-aware", "--deny-warnings"], goesFirst: true },
  { name: "unit and tidy", program: "vitest/vitest.mjs", args: ["run", "--project", "unit"] },
  { name: "dead code", program: "knip/bin/knip.js", args: ["--no-progress", "--cache"] },
  {
    name: "types",
    program: "typescript/bin/tsc",
    args: [
      ...["--noEmit", "-p", "tsconfig.json", "--checkers", "1", "--incremental"],
      ...["--tsBuildInfoFile", "node_modules/.cache/check.tsbuildinfo"],
    ],
  },
  {
    name: "web types",
    program: "typescript/bin/tsc",
    args: [
      ...["--noEmit", "-p", "web/tsconfig.json", "--checkers", "1", "--incremental"],
      ...["--tsBuildInfoFile", "node_modules/.cache/check-web.tsbuildinfo"],
    ],
  },
  { name: "format", program: "@biomejs/biome/bin/biome", args: ["check", "--error-on-warnings", "."] },
];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const timeoutMs = 120_000;

/** More than the cores would only make each slower; the tools are themselves parallel. */
const atOnceMax = 3;

function runCheck({ name, program, args, goesFirst }: Check): Promise<boolean> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [join(root, "node_modules", program), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    env: {
      // Half of what the linter and the type checker do is collecting garbage that would go with the process anyway.
      GOGC: "off",
      GOMEMLIMIT: "3GiB",
      ...(goesFirst ? { GOMAXPROCS: "1" } : {}),
      ...process.env,
      FORCE_COLOR: process.stdout.isTTY ? "1" : "0",
    },
  });
  if (!goesFirst && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
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

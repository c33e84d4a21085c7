/**
 * `npm run bench`: starts the upstream, the rivals and Tollgate on loopback, measures them in turn, prints the bars and
 * writes bench/RESULTS.md and the raw numbers. Exit 0 when every bar that could be measured is met, 1 otherwise.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { checkTools, getOpenFilesMax, listMachineFacts } from "./machine.ts";
import { firstByte } from "./measures/first-byte.ts";
import { ingest } from "./measures/ingest.ts";
import { jsonThroughput } from "./measures/json-throughput.ts";
import { keyGrowth } from "./measures/key-growth.ts";
import { latency } from "./measures/latency.ts";
import type { Measure, MeasureResult } from "./measures/measure.ts";
import { rollup } from "./measures/rollup.ts";
import { streamMemory } from "./measures/stream-memory.ts";
import { streamThroughput } from "./measures/stream-throughput.ts";
import { translated } from "./measures/translated.ts";
import { usagePage } from "./measures/usage-page.ts";
import { type Options, parseOptions } from "./options.ts";
import { type Cores, getCores, settleOnCores } from "./processes/cores.ts";
import { barCells, listBarRows, makeReport } from "./report.ts";
import { openUpstream } from "./upstream/upstream.ts";

const measures: readonly Measure[] = [
  jsonThroughput,
  streamThroughput,
  latency,
  firstByte,
  streamMemory,
  ingest,
  rollup,
  keyGrowth,
  usagePage,
  translated,
];
const resultsFolder = fileURLToPath(new URL("../../bench/", import.meta.url));

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(
    args,
    measures.map(({ name }) => name),
  );
  checkTools();
  const filesNeeded = 2 * options.slowStreams + 500;
  if (getOpenFilesMax() < filesNeeded) {
    throw new Error(
      `the hard limit of open files is ${getOpenFilesMax()}, ${filesNeeded} are needed: raise \`ulimit -Hn\``,
    );
  }
  const cores = getCores();
  // Our own process, and with it all that it starts without a word about cores, stays off the subject's core.
  settleOnCores(process.pid, cores.load);
  const folder = mkdtempSync(join(tmpdir(), "tollgate-bench-"));
  chmodSync(folder, 0o755); // the embedded PostgreSQL may run as another user
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // Ends by way of the exit handlers, which take every child along.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  const upstream = await openUpstream(folder, cores.load);
  const results: MeasureResult[] = [];
  const failures: string[] = [];
  const raw: Record<string, unknown> = {};
  try {
    const chosen = measures.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
    for (const { name, title, run } of chosen) {
      console.log(`${name}: ${title}`);
      try {
        const result = await run({ options, cores, folder, upstream, print: (line) => console.log(line) });
        results.push(result);
        raw[name] = result.raw;
      } catch (error) {
        failures.push(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
        console.error(error);
      }
    }
  } finally {
    await upstream.close();
  }
  const rows = listBarRows(results);
  const report = makeReport({
    command: ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
    machine: listMachineFacts(),
    conditions: listConditions(options, cores),
    results,
    failures,
  });
  write(options, report, { options, cores, raw });
  printTable(rows.map(barCells));
  const missed = rows.filter(({ verdict }) => verdict === "MISS").length;
  return missed === 0 && failures.length === 0 ? 0 : 1;
}

function listConditions(options: Options, cores: Cores): string[] {
  return [
    cores.shared
      ? "There is one core: subject, load and upstream shared it, and the figures are only a smoke test."
      : `The subject was pinned to core ${cores.subject}; wrk, the open-loop generator, the upstream, and what Tollgate starts beside its gateway process (workers, PostgreSQL) ran on core ${cores.load}.`,
    `The subjects took turns (A B A B), ${options.rounds} rounds of ${options.runSeconds} s after ${options.warmUpSeconds} s of warm-up each; a ratio is taken within one round.`,
    "CPU is user and system time of the subject's processes from /proc/PID/stat, from before the run until the subject had gone quiet after it, so that work put off (journal flush) counts; the upstream's and the generator's CPU do not.",
    "A run with one answer that is not 2xx, or one failed connection, does not count: the measure fails. Before a subject is measured its answer is compared with the upstream's.",
    "JSON: a request of about 700 bytes, an answer of about 550 from nginx's memory. Streams: about 20 events in four writes.",
    "The open-loop generator sends on schedule whatever the answers do; time counts from the send, or from 1 ms after the due time when the send was later than that.",
    ...(options.quick ? ["**A quick run: it proves the harness, its figures are not results.**"] : []),
  ];
}

function write(options: Options, report: string, raw: object): void {
  const rawFolder = join(resultsFolder, "raw");
  mkdirSync(rawFolder, { recursive: true });
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  writeFileSync(join(rawFolder, `${stamp}.json`), `${JSON.stringify(raw, null, 1)}\n`);
  // Only a whole, full run may stand as the result.
  const whole = !options.quick && options.only.length === 0;
  const file = whole ? join(resultsFolder, "RESULTS.md") : join(rawFolder, `${stamp}.md`);
  writeFileSync(file, report);
  console.log(`written: ${file}`);
}

function printTable(rows: readonly string[][]): void {
  const table = new Table({
    head: ["bar", "median", "min", "max", "rounds", "realistic", "ambitious", "verdict"],
    style: { head: [], border: [] },
  });
  table.push(...rows);
  console.log(table.toString());
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

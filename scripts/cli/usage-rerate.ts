import { Command } from "commander";
import { findRerateRun } from "../../db/queries/rerate-runs.ts";
import type { RerateReport } from "../../server/core/rerate-schema.ts";
import { type CliIo, writeJson } from "./cli-io.ts";
import { collectList } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makeTable } from "./table.ts";

interface RerateFlags extends CommonFlags {
  from: string;
  to?: string;
  model?: string[];
  budgets?: boolean;
  dryRun?: boolean;
}

/** `tollgate usage rerate`: does the work itself, beside the workers if there are any. */
export function makeRerateCommand(io: CliIo): Command {
  const command = new Command("rerate")
    .description("Bring the cost of past calls to the prices of now, by adjustments; no event is changed.")
    .requiredOption("--from <instant>", "calls of this instant or day and later")
    .option("--to <instant>", "calls before this instant or day; now by default")
    .option("--model <names>", "only these models, separated by commas; repeatable", collectList)
    .option("--budgets", "charge the difference to the budgets of the calls too, where their period goes on")
    .option("--dry-run", "change nothing; tell what would change, by model and key");
  return addCommonOptions(command).action(async (flags: RerateFlags) => {
    const { run, report } = await runAsSystem(io, flags.configFile, async (admin, { database, config, logger }) => {
      const answer = await admin.usage.rerate({
        from: parseDay(flags.from),
        ...(flags.to === undefined ? {} : { to: parseDay(flags.to) }),
        ...(flags.model === undefined ? {} : { models: flags.model }),
        budgets: flags.budgets === true,
        dry_run: flags.dryRun === true,
      });
      if (answer.run === null) return answer;
      const stored = await findRerateRun(database.sql, answer.run.run_id);
      if (stored === null) throw new Error(`the run ${answer.run.run_id} is gone`);
      const throwIfAborted = () => undefined;
      const updateProgress = async (percent: number): Promise<void> => {
        if (flags.json !== true) io.error(`${percent} %\n`);
      };
      const { runRerate } = await import("../../server/limits/run-rerate.ts");
      await runRerate({ sql: database.sql, config, logger, throwIfAborted, updateProgress }, stored);
      return { run: await admin.usage.getRerate({ run_id: stored.id }), report: null };
    });
    if (flags.json === true) return writeJson(io, run ?? report);
    if (run !== null) io.out(`Run ${run.run_id}: ${run.events} calls adjusted, ${run.delta_usd} USD in all.\n`);
    if (report !== null) io.out(formatReport(report));
  });
}

/** A day begins at midnight UTC. */
function parseDay(text: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
}

function formatReport(report: RerateReport): string {
  const left = `${report.unpriced_events} calls have no price now either; of ${report.reserved_events} nobody told the tokens.\n`;
  if (report.rows.length === 0) return `Nothing would change. ${left}`;
  const table = makeTable(report.rows, [
    { title: "MODEL", read: (row) => row.model },
    { title: "KEY", read: (row) => row.public_id },
    { title: "CALLS", read: (row) => row.events, right: true },
    { title: "UNPRICED", read: (row) => row.unpriced_events, right: true },
    { title: "OLD USD", read: (row) => row.old_cost_usd, right: true },
    { title: "NEW USD", read: (row) => row.new_cost_usd, right: true },
    { title: "DELTA USD", read: (row) => row.delta_usd, right: true },
  ]);
  return `${table}\n${report.events} calls would be adjusted, ${report.delta_usd} USD in all. ${left}`;
}

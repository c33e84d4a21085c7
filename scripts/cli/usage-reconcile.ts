import { Command } from "commander";
import type { ReconcileReport } from "../../server/core/reconcile-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";
import { parseCount } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { type Column, makeTable } from "./table.ts";

interface Flags extends CommonFlags {
  days?: number;
  repair?: boolean;
}

/** `tollgate usage reconcile`; exits 1 where something differs and is not repaired. */
export function makeReconcileCommand(io: CliIo): Command {
  const command = new Command("reconcile")
    .description("Hold ledger, rollups and budgets against each other; exits 1 where they differ.")
    .option("--days <count>", "only so many days back, without budgets", parseCount)
    .option("--repair", "compute rollups anew and correct budgets where the ledger can say how");
  return addCommonOptions(command).action(async (flags: Flags) => {
    const input = flags.days === undefined ? {} : { days: flags.days };
    const report: ReconcileReport = await runAsSystem(io, flags.configFile, (admin) =>
      flags.repair === true ? admin.usage.reconcile(input) : admin.usage.reconcileReport(input),
    );
    if (flags.json === true) writeJson(io, report);
    else io.out(formatReport(report));
    const left = report.found - report.repaired;
    if (left > 0) throw new CliFailure(exitFailed, `${left} of ${report.found} differences are not repaired.`);
  });
}

function formatReport(report: ReconcileReport): string {
  const { parts, hours, days, windows } = report.checked;
  const looked = `Looked at ${parts} batches, ${hours} rows of hours, ${days} of days and ${windows} budget windows.\n`;
  if (report.clean) return `${looked}Ledger, rollups and budgets agree.\n`;
  return `${looked}${makeTable(report.differences.slice(0, 50), columns)}${report.found} differences, ${report.repaired} repaired.\n`;
}

const columns: Column<ReconcileReport["differences"][number]>[] = [
  { title: "BOOK", read: (row) => row.book },
  { title: "CAUSE", read: (row) => row.cause },
  { title: "AT", read: (row) => row.at?.slice(0, 16).replace("T", " ") ?? "" },
  { title: "OBJECT", read: (row) => row.object },
  { title: "CALLS", read: (row) => `${row.found.requests ?? ""} / ${row.expected.requests ?? ""}`, right: true },
  { title: "USD", read: (row) => `${row.found.cost_usd ?? ""} / ${row.expected.cost_usd ?? ""}`, right: true },
  { title: "REPAIRED", read: (row) => (row.repaired ? "yes" : "no") },
];

import { Command } from "commander";
import type { AuditEntryView, AuditVerdictView } from "../../server/core/audit-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";
import { parseCount } from "./key-flags.ts";
import { listPages } from "./list-pages.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { type Column, makeTable } from "./table.ts";

interface ListFlags extends CommonFlags {
  actor?: string;
  action?: string;
  object?: string;
  from?: string;
  to?: string;
  limit: number;
}

/** `tollgate audit …` */
export function makeAuditCommand(io: CliIo): Command {
  const audit = new Command("audit").description("Read and verify the log of changes.");
  audit.addCommand(makeList(io));
  audit.addCommand(makeVerify(io));
  return audit;
}

function makeList(io: CliIo): Command {
  const command = new Command("list")
    .description("List changes, newest first.")
    .option("--actor <actor>", "only by this actor: system, system:JOB, cli, key:PUBLIC_ID or user:ID")
    .option("--action <action>", "only this action, like keys.create")
    .option("--object <object>", "only of this object: its id, its type, or TYPE:ID")
    .option("--from <instant>", "only of this instant and later (RFC 3339)")
    .option("--to <instant>", "only before this instant")
    .option("--limit <count>", "at most so many", parseCount, 50);
  return addCommonOptions(command).action(async (flags: ListFlags) => {
    const { actor, action, object, from, to } = flags;
    const filter = Object.fromEntries(
      Object.entries({ actor, action, object, from, to }).filter(([, value]) => value !== undefined),
    );
    const { rows: entries, more } = await runAsSystem(io, flags.configFile, (admin) =>
      listPages<AuditEntryView>(flags.limit, async (page) => {
        const { entries: rows, next_cursor: next } = await admin.audit.list({ ...filter, ...page });
        return { rows, next };
      }),
    );
    if (flags.json === true) return writeJson(io, { entries });
    io.out(entries.length === 0 ? "No changes.\n" : makeTable(entries, columns));
    if (more) io.out(`The newest ${flags.limit}; --limit shows more.\n`);
  });
}

const columns: Column<AuditEntryView>[] = [
  { title: "SEQ", read: (entry) => entry.seq, right: true },
  { title: "AT", read: (entry) => entry.at.slice(0, 19).replace("T", " ") },
  { title: "ACTOR", read: (entry) => entry.actor },
  { title: "ACTION", read: (entry) => entry.action },
  { title: "OBJECT", read: (entry) => `${entry.object_type}:${entry.object_id}` },
  { title: "OWNER", read: (entry) => entry.owner_id },
  { title: "IP", read: (entry) => entry.ip },
];

function makeVerify(io: CliIo): Command {
  const command = new Command("verify").description(
    "Compute the chain of the log anew; exits 1 where it is not what was written.",
  );
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const verdict: AuditVerdictView = await runAsSystem(io, flags.configFile, (admin) => admin.audit.verify({}));
    if (flags.json === true) writeJson(io, verdict);
    if (verdict.problem !== null) {
      throw new CliFailure(exitFailed, `The audit log is not what was written: ${verdict.problem.message}.`);
    }
    if (flags.json === true) return;
    const { entries, checkpoint } = verdict;
    io.out(
      `The audit log is whole: ${entries} entries${checkpoint === null ? "; no checkpoint is kept here" : `, checkpoint at ${checkpoint.seq}`}.\n`,
    );
  });
}

import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { z } from "zod";
import type { importKeysInput } from "../../server/core/api-key-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed, exitUsage } from "./exit.ts";
import { loadCliConfig, runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import type { AdminCaller } from "./system-caller.ts";
import { makeTable } from "./table.ts";
import { listTensorzeroEntries } from "./tensorzero-entries.ts";

interface ImportFlags extends CommonFlags {
  fromTensorzero?: string;
}

export type ImportEntry = z.input<typeof importKeysInput>["keys"][number];
type ImportAnswer = Awaited<ReturnType<AdminCaller["keys"]["import"]>>;

/** Entries of one call of the procedure. */
const batchMax = 200;

/** `tollgate keys import` */
export function makeImportCommand(io: CliIo): Command {
  const command = new Command("import")
    .description("Import keys of another system by their hash; they then work unchanged. Again: nothing twice.")
    .argument(
      "[file]",
      'JSON: a list of {"hash", "format": "opaque" or "tensorzero", …properties}; - for standard input',
    )
    .option("--from-tensorzero <database-url>", "copy the table of keys of a TensorZero deployment");
  return addCommonOptions(command).action(async (file: string | undefined, flags: ImportFlags) => {
    if ((file === undefined) === (flags.fromTensorzero === undefined)) {
      command.error("error: name either a file or --from-tensorzero");
    }
    const { entries, notes } =
      flags.fromTensorzero === undefined
        ? { entries: loadEntries(file ?? ""), notes: [] }
        : await listTensorzeroEntries(flags.fromTensorzero, loadCliConfig(io, flags.configFile));
    const answer = await runAsSystem(io, flags.configFile, (admin) => importAll(admin, entries));
    const refused = answer.results.filter((result) => result.outcome === "refused");
    if (flags.json === true) writeJson(io, { ...answer, notes });
    else {
      for (const note of notes) io.out(`${note}\n`);
      io.out(`${answer.imported} imported, ${answer.existing} were there already, ${answer.refused} refused.\n`);
      if (refused.length > 0) {
        io.out("\n");
        io.out(
          makeTable(refused, [
            { title: "PUBLIC ID", read: (result) => result.public_id },
            { title: "REFUSED", read: (result) => result.error?.message },
          ]),
        );
      }
    }
    if (refused.length > 0) throw new CliFailure(exitFailed);
  });
}

async function importAll(admin: AdminCaller, entries: readonly ImportEntry[]): Promise<ImportAnswer> {
  const all: ImportAnswer = { results: [], imported: 0, existing: 0, refused: 0 };
  for (let at = 0; at < entries.length; at += batchMax) {
    const answer = await admin.keys.import({ keys: entries.slice(at, at + batchMax) });
    all.results.push(...answer.results);
    all.imported += answer.imported;
    all.existing += answer.existing;
    all.refused += answer.refused;
  }
  return all;
}

/** A list, or what REST takes: `{"keys": […]}`. The procedure checks each entry. */
function loadEntries(file: string): ImportEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8"));
  } catch (error) {
    throw new CliFailure(
      exitUsage,
      `error: ${file} cannot be read as JSON: ${error instanceof Error ? error.message : ""}`,
    );
  }
  const list =
    Array.isArray(value) || typeof value !== "object" || value === null ? value : "keys" in value ? value.keys : null;
  if (!Array.isArray(list)) throw new CliFailure(exitUsage, `error: ${file} holds no list of keys`);
  return list;
}

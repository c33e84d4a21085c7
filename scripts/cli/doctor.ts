import { Command } from "commander";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import type { Check } from "./doctor-checks.ts";
import { exitFailed } from "./exit.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makeTable } from "./table.ts";

/** `tollgate doctor` */
export function makeDoctorCommand(io: CliIo): Command {
  const command = new Command("doctor").description(
    "Check configuration, stores, data folder, credentials and limits.",
  );
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const { runChecks } = await import("./doctor-checks.ts");
    const checks = await runChecks(io, flags.configFile);
    const failed = checks.some((check) => check.status === "fail");
    if (flags.json === true) writeJson(io, { ok: !failed, checks });
    else {
      io.out(
        makeTable<Check>(checks, [
          { title: "", read: (check) => check.status },
          { title: "CHECK", read: (check) => check.name },
          { title: "FOUND", read: (check) => check.detail },
        ]),
      );
    }
    if (failed) throw new CliFailure(exitFailed);
  });
}

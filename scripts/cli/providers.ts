import { Command } from "commander";
import { type CliIo, writeJson } from "./cli-io.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makeTable } from "./table.ts";

/** `tollgate providers` */
export function makeProvidersCommand(io: CliIo): Command {
  const command = new Command("providers").description("How the providers do, as the gateways that run see them.");
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const found = await runAsSystem(io, flags.configFile, (admin) => admin.providers.list({}));
    if (flags.json === true) return writeJson(io, found);
    if (found.providers.length === 0) return io.out("No gateway reports a provider that was called.\n");
    io.out(
      makeTable(found.providers, [
        { title: "MODEL", read: (row) => row.model ?? `${row.type}::*` },
        { title: "PROVIDER", read: (row) => row.provider },
        { title: "STATE", read: (row) => row.state },
        { title: "RUNNING", read: (row) => row.in_flight, right: true },
        { title: "OK", read: (row) => row.successes, right: true },
        { title: "FAILED", read: (row) => row.failures, right: true },
        { title: "PASSED OVER", read: (row) => row.refused, right: true },
        { title: "MS", read: (row) => row.latency_ms, right: true },
        { title: "LAST FAILURE", read: (row) => row.last_failure },
      ]),
    );
  });
}

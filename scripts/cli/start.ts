import { Command } from "commander";
import { loadProcessConfig } from "../../server/platform/config.ts";
import { addConfigOption } from "./options.ts";

/** `tollgate start`: returns once it serves (or, as a worker, works); the process then runs until a signal ends it. */
export function makeStartCommand(): Command {
  const command = new Command("start").description("Start the gateway with everything that it needs.");
  return addConfigOption(command).action(async (flags: { configFile?: string }) => {
    // Only what the role needs is loaded: the queues' code is no part of a gateway.
    if (loadProcessConfig({ ...flags, readOnly: true }).role === "worker") {
      const { startWorkers } = await import("../../workers/main.ts");
      return startWorkers(flags);
    }
    const { startServer } = await import("../../server/main.ts");
    return startServer(flags);
  });
}

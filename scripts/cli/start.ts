import { Command } from "commander";
import { startServer } from "../../server/main.ts";
import { addConfigOption } from "./options.ts";

/** `tollgate start`: returns once it serves; the process then runs until a signal ends it. */
export function makeStartCommand(): Command {
  const command = new Command("start").description("Start the gateway with everything that it needs.");
  return addConfigOption(command).action((flags: { configFile?: string }) => startServer(flags));
}

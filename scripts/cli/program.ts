import { Command } from "commander";
import { formatAllowedNames } from "../../server/core/allowed-names.ts";
import { version } from "../../server/platform/version.ts";
import { makeAuditCommand } from "./audit.ts";
import { makeBudgetsCommand } from "./budgets.ts";
import { CliFailure, type CliIo } from "./cli-io.ts";
import { makeCompletionCommand } from "./completion.ts";
import { makeConfigCommand } from "./config.ts";
import { makeCredentialsCommand } from "./credentials.ts";
import { makeDoctorCommand } from "./doctor.ts";
import { exitUsage, parseExit } from "./exit.ts";
import { makeKeysCommand } from "./keys.ts";
import { makeLimitsCommand } from "./limits.ts";
import { makeMigrateCommand } from "./migrate.ts";
import { makeOpenapiCommand } from "./openapi.ts";
import { addConfigOption } from "./options.ts";
import { makePricesCommand } from "./prices.ts";
import { makeProvidersCommand } from "./providers.ts";
import { makeStartCommand } from "./start.ts";
import { addTensorzeroFlags, handleTensorzeroFlags, type TensorzeroFlags } from "./tensorzero.ts";
import { makeUsageCommand } from "./usage.ts";
import { makeUsersCommand } from "./users.ts";

/** The whole command line. Parsing throws instead of ending the process. */
export function makeProgram(io: CliIo): Command {
  const program = new Command("tollgate")
    .description("A self-hosted LLM gateway whose heart is the API key.")
    .version(version);
  addTensorzeroFlags(addConfigOption(program))
    .enablePositionalOptions()
    .argument("[command]")
    .usage("[options] [command]");
  // A config file that was named before the command counts for the command.
  program.hook("preAction", (root, command) => {
    const { configFile } = root.opts<TensorzeroFlags>();
    if (configFile !== undefined && command.getOptionValue("configFile") === undefined) {
      command.setOptionValue("configFile", configFile);
    }
  });
  program.action(async (command: string | undefined, flags: TensorzeroFlags) => {
    if (command !== undefined) {
      const names = program.commands.map((known) => known.name());
      program.error(`error: unknown command '${command}'; ${formatAllowedNames(command, names)}; see tollgate --help`);
    }
    if (await handleTensorzeroFlags(io, flags)) return;
    throw new CliFailure(exitUsage, program.helpInformation().trimEnd());
  });
  program.addCommand(makeStartCommand());
  program.addCommand(makeKeysCommand(io));
  program.addCommand(makeUsersCommand(io));
  program.addCommand(makeBudgetsCommand(io));
  program.addCommand(makeLimitsCommand(io));
  program.addCommand(makePricesCommand(io));
  program.addCommand(makeCredentialsCommand(io));
  program.addCommand(makeProvidersCommand(io));
  program.addCommand(makeUsageCommand(io));
  program.addCommand(makeAuditCommand(io));
  program.addCommand(makeDoctorCommand(io));
  program.addCommand(makeConfigCommand(io));
  program.addCommand(makeMigrateCommand(io));
  program.addCommand(makeOpenapiCommand(io));
  program.addCommand(makeCompletionCommand(io, program));
  prepare(program, io);
  return program;
}

/** Settings that a command does not take from its parent when it is added ready-made. */
function prepare(command: Command, io: CliIo): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.error(text) })
    .showSuggestionAfterError();
  for (const child of command.commands) prepare(child, io);
}

/**
 * Runs one command.
 *
 * @param args without the program's own two.
 * @returns the exit code; a server that was started goes on running.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  try {
    await makeProgram(io).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    const exit = parseExit(error);
    if (exit.message !== "") io.error(`${exit.message}\n`);
    if (io.env.TOLLGATE_DEBUG === "1" && error instanceof Error && exit.code !== 0) io.error(`${makeTrace(error)}\n`);
    return exit.code;
  }
}

function makeTrace(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${makeTrace(error.cause)}` : own;
}

import type { Command } from "commander";

export interface CommonFlags {
  json?: boolean;
  configFile?: string;
}

/** The flags of every command. */
export function addCommonOptions(command: Command): Command {
  return addConfigOption(command).option("--json", "print JSON");
}

export function addConfigOption(command: Command): Command {
  return command.option("--config-file <path>", "the config file; else TOLLGATE_CONFIG, else ./tollgate.toml");
}

import { Command } from "commander";
import { ConfigError } from "../../server/platform/config-error.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { runTensorzeroCheck } from "./config-tensorzero.ts";
import { exitConfig } from "./exit.ts";
import { loadCliConfig } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makePropertyTable } from "./table.ts";

/** `tollgate config …` */
export function makeConfigCommand(io: CliIo): Command {
  const check = new Command("check")
    .description("Check the config file and the environment; changes nothing.")
    .option("--from-tensorzero <file>", "say what of a TensorZero config works, what is ignored, what must change");
  addCommonOptions(check).action((flags: CommonFlags & { fromTensorzero?: string }) => {
    if (flags.fromTensorzero !== undefined) return runTensorzeroCheck(io, flags.fromTensorzero, flags.json === true);
    try {
      const config = loadCliConfig(io, flags.configFile, true);
      const summary = {
        ok: true,
        config_hash: config.configHash,
        role: config.role,
        address: `${config.host}:${config.port}`,
        models: [...config.models.keys()],
        database: config.databaseUrl === null ? "embedded" : "DATABASE_URL",
        redis: config.redisUrl === null ? null : "REDIS_URL",
        mistakes: [],
        notes: config.notes,
      };
      if (flags.json === true) return writeJson(io, summary);
      io.out("The configuration is right.\n\n");
      io.out(
        makePropertyTable([
          ["config hash", summary.config_hash],
          ["role", summary.role],
          ["address", summary.address],
          ["models", summary.models.join(", ")],
          ["database", summary.database],
          ["redis", summary.redis ?? "not configured"],
        ]),
      );
      for (const { path, text } of config.notes) io.out(`\n${path}: ${text}`);
      if (config.notes.length > 0) io.out("\n");
    } catch (error) {
      if (flags.json !== true || !(error instanceof ConfigError)) throw error;
      writeJson(io, { ok: false, mistakes: error.mistakes });
      throw new CliFailure(exitConfig);
    }
  });
  return new Command("config").description("Work with the configuration.").addCommand(check);
}

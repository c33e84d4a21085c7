import { type Config, loadConfig } from "../../server/platform/config.ts";
import { ConfigError, type ConfigMistake } from "../../server/platform/config-error.ts";
import type { ConfigNote } from "../../server/platform/config-tensorzero-keys.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitConfig } from "./exit.ts";

/** Says what would come of a TensorZero config file here. Exits with 78 where something must change. */
export function runTensorzeroCheck(io: CliIo, file: string, isJson: boolean): void {
  const notes: ConfigNote[] = [];
  const { config, mistakes } = load(io, file, notes);
  const works = config === null ? null : listWorking(config);
  if (isJson) writeJson(io, { ok: mistakes.length === 0, works, ignored: notes, must_change: mistakes });
  else {
    const lines = [
      ...(works === null ? [] : ["Works:", ...Object.entries(works).map(writeWorking)]),
      ...(notes.length === 0 ? [] : ["Has no effect here:", ...notes.map(({ path, text }) => `  ${path}: ${text}`)]),
      ...(mistakes.length === 0 ? ["Nothing must change."] : ["Must change:", ...mistakes.map(writeMistake)]),
    ];
    io.out(`${lines.join("\n")}\n`);
  }
  if (mistakes.length > 0) throw new CliFailure(exitConfig);
}

function load(
  io: CliIo,
  configFile: string,
  notes: ConfigNote[],
): { config: Config | null; mistakes: readonly ConfigMistake[] } {
  try {
    return { config: loadConfig({ env: io.env, configFile, readOnly: true, notes }), mistakes: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { config: null, mistakes: error.mistakes };
    throw error;
  }
}

function listWorking(config: Config) {
  return {
    models: [...config.models.keys()],
    functions: [...config.functions.keys()],
    rate_rules: config.rateLimiting.rules.length,
    prices: [...config.prices.keys()],
    authentication: config.gateway.authEnabled,
  };
}

function writeWorking([name, value]: [string, unknown]): string {
  const text = Array.isArray(value) ? (value.length === 0 ? "none" : value.join(", ")) : String(value);
  return `  ${name.replace("_", " ")}: ${text}`;
}

function writeMistake({ path, found, allowed }: ConfigMistake): string {
  return `  ${path}: ${found}; ${allowed}`;
}

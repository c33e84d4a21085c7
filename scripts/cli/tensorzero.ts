import type { Command } from "commander";
import { isPublicId } from "../../server/core/key-format.ts";
import { CliFailure, type CliIo } from "./cli-io.ts";
import { exitFailed, exitUsage } from "./exit.ts";
import { runAsSystem } from "./open-admin.ts";

export interface TensorzeroFlags {
  createApiKey?: boolean;
  expiration?: string;
  disableApiKey?: string;
  configFile?: string;
}

/** The flags that people who come from TensorZero have in their scripts. */
export function addTensorzeroFlags(program: Command): Command {
  return program
    .option("--create-api-key", "create a key with the defaults and print only the key")
    .option("--expiration <datetime>", "with --create-api-key: when it ends")
    .option("--disable-api-key <public-id>", "disable a key");
}

/** Does what the flags say. @returns false where none of them was given. */
export async function handleTensorzeroFlags(io: CliIo, flags: TensorzeroFlags): Promise<boolean> {
  const { createApiKey = false, disableApiKey, expiration } = flags;
  if (createApiKey && disableApiKey !== undefined) {
    throw new CliFailure(exitUsage, "error: --create-api-key and --disable-api-key exclude each other");
  }
  if (expiration !== undefined && !createApiKey) {
    throw new CliFailure(exitUsage, "error: --expiration goes with --create-api-key");
  }
  if (createApiKey) {
    const made = await runAsSystem(io, flags.configFile, (admin) =>
      admin.keys.create(expiration === undefined ? {} : { expires_at: expiration }),
    );
    io.out(`${made.api_key ?? ""}\n`);
    return true;
  }
  if (disableApiKey === undefined) return false;
  await runAsSystem(io, flags.configFile, async (admin) => {
    // The same line for an id that cannot exist and one that does not.
    const known = isPublicId(disableApiKey) && (await admin.keys.list({ q: disableApiKey })).api_keys;
    if (known === false || !known.some((key) => key.public_id === disableApiKey)) {
      throw new CliFailure(exitFailed, `There is no key with the public id ${disableApiKey}; nothing was disabled.`);
    }
    await admin.keys.disable({ public_id: disableApiKey });
  });
  io.out(`Disabled the key ${disableApiKey}.\n`);
  return true;
}

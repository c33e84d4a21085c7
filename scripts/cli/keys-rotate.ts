import { Command } from "commander";
import { type CliIo, writeJson } from "./cli-io.ts";
import { listKeyProperties } from "./key-properties.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { runOnKey } from "./run-on-key.ts";
import { makePropertyTable } from "./table.ts";

interface RotateFlags extends CommonFlags {
  overlap?: string;
  finish?: boolean;
}

/** `tollgate keys rotate` */
export function makeRotateCommand(io: CliIo): Command {
  const command = new Command("rotate")
    .description("Give a key a new secret and print it, once; the old one works on for a while.")
    .argument("<public-id>")
    .option("--overlap <time>", "how long the old secret works on: 0, or like 45m, 24h (the default), 7d; at most 30d")
    .option("--finish", "make no new secret: end the overlap that runs");
  return addCommonOptions(command).action(async (publicId: string, flags: RotateFlags) => {
    if (flags.finish === true && flags.overlap !== undefined) {
      command.error("error: --finish ends the overlap now; leave out --overlap");
    }
    if (flags.finish === true) {
      const key = await runAsSystem(io, flags.configFile, (admin) =>
        runOnKey(admin, publicId, () => admin.keys.finishRotation({ public_id: publicId })),
      );
      if (flags.json === true) return writeJson(io, key);
      return io.out(`${key.public_id} (${key.alias}) has one secret.\n`);
    }
    const overlap = flags.overlap === undefined ? {} : { overlap: flags.overlap };
    const key = await runAsSystem(io, flags.configFile, (admin) =>
      runOnKey(admin, publicId, () => admin.keys.rotate({ public_id: publicId, ...overlap })),
    );
    if (flags.json === true) return writeJson(io, key);
    io.out(`${makePropertyTable(listKeyProperties(key))}\nAPI key (shown once): ${key.api_key ?? ""}\n`);
  });
}

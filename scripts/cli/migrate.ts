import { Command } from "commander";
import { migrateDatabase } from "../../db/migrate.ts";
import { findStore, openStore } from "../../server/store.ts";
import { type CliIo, writeJson } from "./cli-io.ts";
import { loadCliConfig, openCliLogger } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";

/** `tollgate migrate` */
export function makeMigrateCommand(io: CliIo): Command {
  const command = new Command("migrate").description("Bring the database's schema to this release's.");
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const config = loadCliConfig(io, flags.configFile);
    const running = await findStore(config);
    if (running === null) {
      // Opening the embedded database migrates it.
      const store = await openStore(config, openCliLogger(io, config));
      await store.close();
      if (flags.json === true) return writeJson(io, { ok: true });
      return io.out("The schema is up to date.\n");
    }
    const applied = await migrateDatabase(running);
    if (flags.json === true) return writeJson(io, { ok: true, applied });
    io.out(
      applied === 0 ? "The schema is up to date.\n" : `Applied ${applied} migration${applied === 1 ? "" : "s"}.\n`,
    );
  });
}

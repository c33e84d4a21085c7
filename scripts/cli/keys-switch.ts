import { Command } from "commander";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { runOnKey } from "./run-on-key.ts";
import type { AdminCaller } from "./system-caller.ts";
import { makeTable } from "./table.ts";

const descriptions = {
  disable: "Disable keys; they can be enabled again.",
  enable: "Enable keys that were disabled.",
  revoke: "Revoke keys for ever.",
};

interface SwitchFlags extends CommonFlags {
  cutStreams?: boolean;
}

type BulkResults = Awaited<ReturnType<AdminCaller["keys"]["bulk"]>>["results"];

/** `tollgate keys disable|enable|revoke` */
export function makeSwitchCommand(io: CliIo, verb: keyof typeof descriptions): Command {
  const command = new Command(verb).description(descriptions[verb]).argument("<public-ids...>");
  if (verb === "revoke")
    command.option("--cut-streams", "end the calls that are running, instead of letting them finish");
  return addCommonOptions(command).action(async (publicIds: string[], flags: SwitchFlags) => {
    const cut = flags.cutStreams === true;
    const [only = ""] = publicIds;
    if (publicIds.length > 1) {
      const { results } = await runAsSystem(io, flags.configFile, (admin) =>
        admin.keys.bulk({ action: verb, public_ids: publicIds, cut_streams: cut }),
      );
      return writeResults(io, results, flags.json === true);
    }
    const key = await runAsSystem(io, flags.configFile, (admin) =>
      runOnKey(admin, only, async () => {
        if (verb !== "revoke") return await admin.keys[verb]({ public_id: only });
        await admin.keys.revoke({ public_id: only, cut_streams: cut });
        return null;
      }),
    );
    if (flags.json === true) return writeJson(io, key ?? { public_id: only, state: "revoked" });
    io.out(key === null ? `${only} is revoked.\n` : `${key.public_id} (${key.alias}) is ${key.state}.\n`);
  });
}

function writeResults(io: CliIo, results: BulkResults, json: boolean): void {
  if (json) writeJson(io, { results });
  else {
    io.out(
      makeTable(results, [
        { title: "PUBLIC ID", read: (result) => result.public_id },
        { title: "STATE", read: (result) => result.state },
        { title: "REFUSED", read: (result) => result.error?.message },
      ]),
    );
  }
  const refused = results.filter((result) => !result.ok).length;
  if (refused > 0) throw new CliFailure(exitFailed, `${refused} of ${results.length} were refused.`);
}

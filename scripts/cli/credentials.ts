import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { CredentialView } from "../../server/core/credential-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed, exitUsage } from "./exit.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makeTable } from "./table.ts";

interface SetFlags extends CommonFlags {
  fromEnv?: string;
  fromFile?: string;
  description?: string;
}

/** `tollgate credentials …`: what `vault::NAME` and the pins of keys mean. */
export function makeCredentialsCommand(io: CliIo): Command {
  const credentials = new Command("credentials").description("Stored credentials of providers, encrypted at rest.");
  credentials.addCommand(makeList(io));
  credentials.addCommand(makeSet(io));
  credentials.addCommand(makeTest(io));
  credentials.addCommand(makeDelete(io));
  credentials.addCommand(makeRotate(io));
  return credentials;
}

function makeList(io: CliIo): Command {
  const command = new Command("list").description("List stored credentials; never what they hold.");
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const found = await runAsSystem(io, flags.configFile, (admin) => admin.credentials.list({}));
    if (flags.json === true) return writeJson(io, found);
    if (found.credentials.length === 0) return io.out("No stored credentials.\n");
    io.out(
      makeTable(found.credentials, [
        { title: "NAME", read: (row) => row.name },
        { title: "VERSION", read: (row) => row.version, right: true },
        { title: "CHANGED", read: (row) => row.updated_at },
        { title: "USED BY", read: writeUses },
        { title: "DESCRIPTION", read: (row) => row.description },
      ]),
    );
  });
}

function writeUses({ used_by: { config, pinned_keys } }: CredentialView): string {
  return [...config, ...(pinned_keys > 0 ? [`${pinned_keys} keys`] : [])].join(", ");
}

function makeSet(io: CliIo): Command {
  const command = new Command("set")
    .description("Store a credential, or replace one. It is read from a variable, a file or standard input.")
    .argument("<name>", "what the config file calls it: vault::NAME")
    .option("--from-env <variable>", "the environment variable that holds it")
    .option("--from-file <path>", "the file that holds it")
    .option("--description <text>", "for people");
  return addCommonOptions(command).action(async (name: string, flags: SetFlags) => {
    if (flags.fromEnv !== undefined && flags.fromFile !== undefined) {
      command.error("error: give one of --from-env and --from-file, or neither for standard input");
    }
    const secret = readSecret(io, flags);
    const description = flags.description === undefined ? {} : { description: flags.description };
    const stored = await runAsSystem(io, flags.configFile, async (admin) => {
      const { credentials } = await admin.credentials.list({});
      return credentials.some((known) => known.name === name)
        ? await admin.credentials.update({ credential_name: name, secret, ...description })
        : await admin.credentials.create({ name, secret, ...description });
    });
    if (flags.json === true) return writeJson(io, stored);
    io.out(`${name} is stored (version ${stored.version}) and used from now on.\n`);
  });
}

/** Never an argument: those stand in the shell's history and in the list of processes. */
function readSecret(io: CliIo, { fromEnv, fromFile }: SetFlags): string {
  if (fromEnv !== undefined) {
    const value = io.env[fromEnv];
    if (value === undefined) throw new CliFailure(exitUsage, `The environment variable ${fromEnv} is not set.`);
    return value;
  }
  try {
    return readFileSync(fromFile ?? 0, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliFailure(exitUsage, `${fromFile ?? "Standard input"} cannot be read (${code}).`);
  }
}

function makeTest(io: CliIo): Command {
  const command = new Command("test")
    .description("Send the smallest call there is to the providers that use a credential.")
    .argument("<name>", "as `credentials list` shows it")
    .option("--model <model>", "only this model; for a type's default a shorthand such as openai::gpt-5-mini");
  return addCommonOptions(command).action(async (name: string, flags: CommonFlags & { model?: string }) => {
    const model = flags.model === undefined ? {} : { model: flags.model };
    const answer = await runAsSystem(io, flags.configFile, (admin) =>
      admin.credentials.test({ credential_name: name, ...model }),
    );
    if (flags.json === true) writeJson(io, answer);
    else {
      io.out(
        makeTable(answer.results, [
          { title: "MODEL", read: (row) => row.model },
          { title: "PROVIDER", read: (row) => row.provider },
          { title: "OUTCOME", read: (row) => row.outcome },
          { title: "SAID", read: (row) => row.message },
        ]),
      );
    }
    if (answer.results.some(({ outcome }) => outcome !== "accepted")) throw new CliFailure(exitFailed);
  });
}

function makeDelete(io: CliIo): Command {
  const command = new Command("delete")
    .description("Delete a stored credential that nothing uses.")
    .argument("<name>", "as `credentials list` shows it");
  return addCommonOptions(command).action(async (name: string, flags: CommonFlags) => {
    await runAsSystem(io, flags.configFile, (admin) => admin.credentials.delete({ credential_name: name }));
    if (flags.json === true) return writeJson(io, { name, state: "deleted" });
    io.out(`${name} is deleted.\n`);
  });
}

function makeRotate(io: CliIo): Command {
  const command = new Command("rotate-key").description(
    "Encrypt every stored credential with the newest seal key. May be interrupted, and run again.",
  );
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const answer = await runAsSystem(io, flags.configFile, (admin) => admin.credentials.rotateSealKey({}));
    if (flags.json === true) return writeJson(io, answer);
    io.out(
      `${answer.reencrypted} credentials were encrypted anew; all are under seal key version ${answer.encryption_version}.\n`,
    );
  });
}

import { Command, Option } from "commander";
import type { ApiKeyView } from "../../server/core/api-key-view.ts";
import { type KeyAdvice, keyAdvices } from "../../server/core/key-advice.ts";
import { type CliIo, writeJson } from "./cli-io.ts";
import {
  addKeyFlags,
  collectPair,
  type KeyFlags,
  makeStateOption,
  makeTypeOption,
  parseCount,
  parseKeyFlags,
} from "./key-flags.ts";
import { listKeyProperties } from "./key-properties.ts";
import { makeImportCommand } from "./keys-import.ts";
import { makeRotateCommand } from "./keys-rotate.ts";
import { makeScanCommand } from "./keys-scan.ts";
import { makeSwitchCommand } from "./keys-switch.ts";
import { listPages } from "./list-pages.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { runOnKey } from "./run-on-key.ts";
import { makePropertyTable, makeTable } from "./table.ts";

interface CreateFlags extends KeyFlags, CommonFlags {
  type?: ApiKeyView["type"];
  admin?: boolean;
}

interface ListFlags extends CommonFlags {
  state?: ApiKeyView["state"];
  type?: ApiKeyView["type"];
  owner?: string;
  tag?: [string, string][];
  alias?: string;
  advice?: KeyAdvice;
  query?: string;
  limit: number;
}

/** `tollgate keys …` */
export function makeKeysCommand(io: CliIo): Command {
  const keys = new Command("keys").description("Make and manage API keys, beside the database.");
  keys.addCommand(makeCreate(io));
  keys.addCommand(makeList(io));
  keys.addCommand(makeShow(io));
  keys.addCommand(makeUpdate(io));
  for (const verb of ["disable", "enable", "revoke"] as const) keys.addCommand(makeSwitchCommand(io, verb));
  keys.addCommand(makeRotateCommand(io));
  keys.addCommand(makeImportCommand(io));
  keys.addCommand(makeScanCommand(io));
  return keys;
}

function makeCreate(io: CliIo): Command {
  const command = addKeyFlags(new Command("create").description("Create a key and print it, once."))
    .addOption(makeTypeOption())
    .option("--admin", "every permission (*)");
  return addCommonOptions(command).action(async (flags: CreateFlags) => {
    const properties = parseKeyFlags(flags);
    if (flags.admin === true && flags.permission !== undefined) {
      command.error("error: --admin grants every permission; leave out --permission");
    }
    const made = await runAsSystem(io, flags.configFile, (admin) =>
      admin.keys.create({
        ...properties,
        ...(flags.type === undefined ? {} : { type: flags.type }),
        ...(flags.admin === true ? { permissions: ["*"] } : {}),
      }),
    );
    if (flags.json === true) return writeJson(io, made);
    io.out(`${makePropertyTable(listKeyProperties(made))}\nAPI key (shown once): ${made.api_key ?? ""}\n`);
  });
}

function makeList(io: CliIo): Command {
  const command = new Command("list")
    .description("List keys, newest first.")
    .addOption(makeStateOption())
    .addOption(makeTypeOption())
    .option("--owner <id>", "only keys of this owner")
    .option("--tag <name=value>", "only keys with this key-bound tag; repeatable", collectPair)
    .option("--alias <alias>", "only the keys with this alias")
    .addOption(new Option("--advice <advice>", "only keys that this is advised for").choices(keyAdvices))
    .option("--query <text>", "only keys with this text in public id, alias, name or description")
    .option("--limit <count>", "at most so many", parseCount, 50);
  return addCommonOptions(command).action(async (flags: ListFlags) => {
    const { rows: keys, more } = await runAsSystem(io, flags.configFile, (admin) =>
      listPages(flags.limit, async (page) => {
        const { api_keys: rows, next_cursor: next } = await admin.keys.list({
          ...(flags.state === undefined ? {} : { state: flags.state }),
          ...(flags.type === undefined ? {} : { type: flags.type }),
          ...(flags.owner === undefined ? {} : { owner_id: flags.owner }),
          ...(flags.tag === undefined ? {} : { tag: Object.fromEntries(flags.tag) }),
          ...(flags.alias === undefined ? {} : { alias: flags.alias }),
          ...(flags.advice === undefined ? {} : { advice: flags.advice }),
          ...(flags.query === undefined ? {} : { q: flags.query }),
          ...page,
        });
        return { rows, next };
      }),
    );
    if (flags.json === true) return writeJson(io, { api_keys: keys });
    if (keys.length === 0) return io.out("No keys.\n");
    io.out(
      makeTable(keys, [
        { title: "PUBLIC ID", read: (key) => key.public_id },
        { title: "ALIAS", read: (key) => key.alias },
        { title: "TYPE", read: (key) => key.type },
        { title: "STATE", read: (key) => key.state },
        { title: "PERMISSIONS", read: (key) => key.permissions.join(",") },
        { title: "EXPIRES", read: (key) => key.expires_at?.slice(0, 10) ?? "never" },
        { title: "LAST USED", read: (key) => key.last_used_at?.slice(0, 16).replace("T", " ") },
        { title: "OWNER", read: (key) => key.owner_id },
        { title: "ADVICE", read: (key) => key.advice.join(",") },
      ]),
    );
    if (more) io.out(`The newest ${flags.limit}; --limit shows more.\n`);
  });
}

function makeShow(io: CliIo): Command {
  const command = new Command("show")
    .description("Show one key with its use of today and this month.")
    .argument("<public-id>");
  return addCommonOptions(command).action(async (publicId: string, flags: CommonFlags) => {
    const key = await runAsSystem(io, flags.configFile, (admin) =>
      runOnKey(admin, publicId, () => admin.keys.get({ public_id: publicId })),
    );
    if (flags.json === true) return writeJson(io, key);
    const { day, month } = key.usage;
    io.out(
      makePropertyTable([
        ...listKeyProperties(key),
        ["today", `${day.requests} requests, ${day.errors} errors, ${day.cost_usd} USD`],
        ["this month", `${month.requests} requests, ${month.errors} errors, ${month.cost_usd} USD`],
      ]),
    );
  });
}

function makeUpdate(io: CliIo): Command {
  const command = addKeyFlags(
    new Command("update").description("Change a key. Lists are replaced; `none` empties one.").argument("<public-id>"),
  ).option("--if-version <version>", "only if the key still has this version", parseCount);
  return addCommonOptions(command).action(
    async (publicId: string, flags: KeyFlags & CommonFlags & { ifVersion?: number }) => {
      const properties = parseKeyFlags(flags);
      if (Object.keys(properties).length === 0) command.error("error: nothing to change; see --help for the flags");
      const key = await runAsSystem(io, flags.configFile, (admin) =>
        runOnKey(admin, publicId, () =>
          admin.keys.update({
            public_id: publicId,
            ...properties,
            ...(flags.ifVersion === undefined ? {} : { if_match: flags.ifVersion }),
          }),
        ),
      );
      if (flags.json === true) return writeJson(io, key);
      io.out(makePropertyTable(listKeyProperties(key)));
    },
  );
}

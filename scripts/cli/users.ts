import { Command, Option } from "commander";
import { userRoles } from "../../server/core/plan.ts";
import type { UserView } from "../../server/core/user-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitUsage } from "./exit.ts";
import { parseCount } from "./key-flags.ts";
import { listPages } from "./list-pages.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import type { AdminCaller } from "./system-caller.ts";
import { makePropertyTable, makeTable } from "./table.ts";

interface UserFlags extends CommonFlags {
  name?: string;
  role?: UserView["role"];
  plan?: string;
  passwordStdin?: boolean;
}

/** `tollgate users …`. A user is named by id or by e-mail. */
export function makeUsersCommand(io: CliIo): Command {
  const users = new Command("users").description("Make and manage the people who sign in, beside the database.");
  users.addCommand(makeCreate(io));
  users.addCommand(makeInvite(io));
  users.addCommand(makeList(io));
  users.addCommand(makeShow(io));
  users.addCommand(makeUpdate(io));
  for (const verb of ["disable", "enable"] as const) users.addCommand(makeSwitch(io, verb));
  users.addCommand(makeDelete(io));
  return users;
}

function makeCreate(io: CliIo): Command {
  const command = new Command("create")
    .description("Make a user. The password is made and printed, once, unless it is given on standard input.")
    .requiredOption("--email <email>", "what the user signs in with")
    .option("--name <name>", "the e-mail's first part by default")
    .option("--admin", "an admin, who sees and changes everything")
    .option("--plan <plan>", "the first plan of the config by default")
    .option("--password-stdin", "read the password from standard input");
  return addCommonOptions(command).action(async (flags: UserFlags & { email: string; admin?: boolean }) => {
    const made = await runAsSystem(io, flags.configFile, async (admin) =>
      admin.users.create({
        email: flags.email,
        role: flags.admin === true ? "admin" : "member",
        ...(flags.name === undefined ? {} : { name: flags.name }),
        ...(flags.plan === undefined ? {} : { plan: flags.plan }),
        ...(await readPassword(io, flags)),
      }),
    );
    if (flags.json === true) return writeJson(io, made);
    io.out(makePropertyTable(listProperties(made)));
    if (made.password !== null) io.out(`\nPassword (shown once): ${made.password}\n`);
  });
}

function makeInvite(io: CliIo): Command {
  const command = new Command("invite")
    .description("Let somebody sign up with this e-mail within a week; prints the invitation, once.")
    .requiredOption("--email <email>", "whom it is for")
    .addOption(makeRoleOption())
    .option("--plan <plan>", "the first plan of the config by default");
  return addCommonOptions(command).action(async (flags: UserFlags & { email: string }) => {
    const { email, role, plan } = flags;
    const made = await runAsSystem(io, flags.configFile, (admin) =>
      admin.users.invite({ email, ...(role === undefined ? {} : { role }), ...(plan === undefined ? {} : { plan }) }),
    );
    if (flags.json === true) return writeJson(io, made);
    io.out(`Invitation for ${made.email} until ${made.expires_at} (shown once): ${made.invitation}\n`);
  });
}

function makeList(io: CliIo): Command {
  const command = new Command("list")
    .description("List users, newest first.")
    .addOption(makeRoleOption())
    .option("--plan <plan>", "only users on this plan")
    .option("--query <text>", "only users with this text in name or e-mail")
    .option("--limit <count>", "at most so many", parseCount, 50);
  return addCommonOptions(command).action(async (flags: UserFlags & { query?: string; limit: number }) => {
    const { rows: users, more } = await runAsSystem(io, flags.configFile, (admin) =>
      listPages(flags.limit, async (page) => {
        const { users: rows, next_cursor: next } = await admin.users.list({
          ...(flags.role === undefined ? {} : { role: flags.role }),
          ...(flags.plan === undefined ? {} : { plan: flags.plan }),
          ...(flags.query === undefined ? {} : { q: flags.query }),
          ...page,
        });
        return { rows, next };
      }),
    );
    if (flags.json === true) return writeJson(io, { users });
    if (users.length === 0) return io.out("No users.\n");
    io.out(
      makeTable(users, [
        { title: "ID", read: (user) => user.id },
        { title: "E-MAIL", read: (user) => user.email },
        { title: "NAME", read: (user) => user.name },
        { title: "ROLE", read: (user) => user.role },
        { title: "PLAN", read: (user) => user.plan },
        { title: "STATE", read: (user) => user.state },
        { title: "KEYS", read: (user) => user.key_count, right: true },
        { title: "CREATED", read: (user) => user.created_at.slice(0, 10) },
      ]),
    );
    if (more) io.out(`The newest ${flags.limit}; --limit shows more.\n`);
  });
}

function makeShow(io: CliIo): Command {
  const command = new Command("show").description("Show one user.").argument("<user>", "id or e-mail");
  return addCommonOptions(command).action(async (name: string, flags: CommonFlags) => {
    const user = await runAsSystem(io, flags.configFile, async (admin) =>
      admin.users.get({ user_id: await findUserId(admin, name) }),
    );
    if (flags.json === true) return writeJson(io, user);
    io.out(makePropertyTable(listProperties(user)));
  });
}

function makeUpdate(io: CliIo): Command {
  const command = new Command("update")
    .description("Change a user. Keys beyond a smaller plan are disabled, and named.")
    .argument("<user>", "id or e-mail")
    .option("--name <name>", "free text")
    .addOption(makeRoleOption())
    .option("--plan <plan>", "name of a plan of the config")
    .option("--password-stdin", "read a new password from standard input; ends the user's sessions");
  return addCommonOptions(command).action(async (name: string, flags: UserFlags) => {
    const password = await readPassword(io, flags);
    const change = {
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.role === undefined ? {} : { role: flags.role }),
      ...(flags.plan === undefined ? {} : { plan: flags.plan }),
      ...password,
    };
    if (Object.keys(change).length === 0) command.error("error: nothing to change; see --help for the flags");
    const user = await runAsSystem(io, flags.configFile, async (admin) =>
      admin.users.update({ user_id: await findUserId(admin, name), ...change }),
    );
    if (flags.json === true) return writeJson(io, user);
    io.out(makePropertyTable(listProperties(user)));
    for (const key of user.disabled_keys) io.out(`Disabled: ${key.public_id} (${key.alias})\n`);
  });
}

function makeSwitch(io: CliIo, verb: "disable" | "enable"): Command {
  const description =
    verb === "disable"
      ? "Disable a user: sessions end, and no key of the user is let in."
      : "Enable a user who was disabled.";
  const command = new Command(verb).description(description).argument("<user>", "id or e-mail");
  return addCommonOptions(command).action(async (name: string, flags: CommonFlags) => {
    const user = await runAsSystem(io, flags.configFile, async (admin) =>
      admin.users[verb]({ user_id: await findUserId(admin, name) }),
    );
    if (flags.json === true) return writeJson(io, user);
    io.out(`${user.email} is ${user.state}.\n`);
  });
}

function makeDelete(io: CliIo): Command {
  const command = new Command("delete")
    .description("Delete a user and revoke all keys of the user.")
    .argument("<user>", "id or e-mail");
  return addCommonOptions(command).action(async (name: string, flags: CommonFlags) => {
    const id = await runAsSystem(io, flags.configFile, async (admin) => {
      const found = await findUserId(admin, name);
      await admin.users.delete({ user_id: found });
      return found;
    });
    if (flags.json === true) return writeJson(io, { id, state: "deleted" });
    io.out(`${name} is deleted.\n`);
  });
}

function makeRoleOption(): Option {
  return new Option("--role <role>", "what the user may do").choices(userRoles);
}

/** An e-mail is the name of one user at most. */
async function findUserId(admin: AdminCaller, name: string): Promise<string> {
  if (!name.includes("@")) return name;
  const { users } = await admin.users.list({ q: name.slice(0, 100), limit: 200 });
  return (
    users.find((user) => user.email === name.toLowerCase())?.id ?? name.replaceAll(/[^0-9A-Za-z]/g, "_").slice(0, 64)
  );
}

/** From standard input and not from a flag: what is on a command line is seen by everybody on the machine. */
async function readPassword(io: CliIo, flags: UserFlags): Promise<{ password?: string }> {
  if (flags.passwordStdin !== true) return {};
  if (io.readInput === undefined)
    throw new CliFailure(exitUsage, "There is no standard input to read a password from.");
  const password = (await io.readInput()).replace(/\r?\n$/, "");
  if (password === "") throw new CliFailure(exitUsage, "Standard input holds no password.");
  return { password };
}

function listProperties(user: UserView): [string, string][] {
  return [
    ["id", user.id],
    ["e-mail", user.email],
    ["name", user.name],
    ["role", user.role],
    ["plan", user.plan],
    ["state", user.state],
    ["keys", String(user.key_count)],
    ["created", user.created_at],
  ];
}

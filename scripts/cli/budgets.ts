import { Command, Option } from "commander";
import { budgetLevels } from "../../server/core/budget.ts";
import { AppError } from "../../server/core/error.ts";
import {
  type ProcessView,
  processStates,
  type WindowState,
  type WindowView,
  windowStates,
} from "../../server/core/limits-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed, listCauses } from "./exit.ts";
import { parseCount } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { runOnKey } from "./run-on-key.ts";
import type { AdminCaller } from "./system-caller.ts";
import { type Column, makePropertyTable, makeTable } from "./table.ts";

interface ListFlags extends CommonFlags {
  level?: WindowView["level"];
  subject?: string;
  state?: WindowState;
  limit: number;
}

interface ProcessFlags extends CommonFlags {
  state?: ProcessView["state"];
  limit: number;
}

interface WindowFlags extends CommonFlags {
  period?: string;
  timezone?: string;
}

/** `tollgate budgets …` */
export function makeBudgetsCommand(io: CliIo): Command {
  const budgets = new Command("budgets").description("See what is spent of budgets, add to them, and who leases them.");
  budgets.addCommand(makeList(io));
  budgets.addCommand(makeTopUp(io));
  budgets.addCommand(makeReset(io));
  budgets.addCommand(makeProcesses(io));
  budgets.addCommand(makeWriteOff(io));
  return budgets;
}

function makeList(io: CliIo): Command {
  const command = new Command("list")
    .description("List budgets, a line for each period in which they were used.")
    .addOption(new Option("--level <level>", "only budgets of this level").choices(budgetLevels))
    .option("--subject <subject>", "only of this key (public id), owner (id) or tag (NAME=VALUE)")
    .addOption(new Option("--state <state>", "only in this state").choices(windowStates))
    .option("--limit <count>", "at most so many", parseCount, 50);
  return addCommonOptions(command).action(async (flags: ListFlags) => {
    const { level, subject, state, limit } = flags;
    const filter = Object.fromEntries(
      Object.entries({ level, subject, state }).filter(([, value]) => value !== undefined),
    );
    const { rows, more } = await runAsSystem(io, flags.configFile, (admin) =>
      listPages(limit, async (page) => {
        const { windows, next_cursor: next } = await admin.limits.listWindows({ ...filter, ...page });
        return { rows: windows, next };
      }),
    );
    if (flags.json === true) return writeJson(io, { windows: rows });
    io.out(rows.length === 0 ? "No budgets that were used.\n" : makeTable(rows, windowColumns));
    if (more) io.out(`The first ${limit}; --limit shows more.\n`);
  });
}

/** In UTC, as in the other tables. */
const formatInstant = (text: string): string => text.slice(0, 19).replace("T", " ");

const windowColumns: Column<WindowView>[] = [
  { title: "WINDOW", read: (window) => window.window_id },
  { title: "STATE", read: (window) => window.state },
  { title: "LIMIT", read: (window) => window.limit_usd, right: true },
  { title: "EXTRA", read: (window) => window.extra_usd, right: true },
  { title: "SPENT", read: (window) => window.spent_usd, right: true },
  { title: "RESERVED", read: (window) => window.reserved_usd, right: true },
  { title: "REMAINING", read: (window) => window.remaining_usd, right: true },
  { title: "RESETS", read: (window) => (window.resets_at === null ? "never" : formatInstant(window.resets_at)) },
];

function makeTopUp(io: CliIo): Command {
  const command = addWindowOptions(
    new Command("top-up"),
    "Add money to a budget, for its current period alone.",
  ).argument("<usd>", "how much is added, like 12.50");
  return command.action((name: string, amount: string, flags: WindowFlags) =>
    changeWindow(io, name, flags, (admin, window) => admin.limits.topUp({ ...window, amount_usd: amount })),
  );
}

function makeReset(io: CliIo): Command {
  const description = "Let a budget be spent anew in its current period: as much as was spent is added.";
  return addWindowOptions(new Command("reset"), description).action((name: string, flags: WindowFlags) =>
    changeWindow(io, name, flags, (admin, window) => admin.limits.reset(window)),
  );
}

function addWindowOptions(command: Command, description: string): Command {
  return addCommonOptions(
    command
      .description(description)
      .argument("<budget>", "a window as `budgets list` names it, or a key's public id")
      .option("--period <period>", "of a key that has several budgets: the one of this period")
      .option("--timezone <timezone>", "the same, where two differ in nothing else"),
  );
}

/** A window's id has slashes, a key's has none. */
async function changeWindow(
  io: CliIo,
  name: string,
  { period, timezone, json, configFile }: WindowFlags,
  change: (
    admin: AdminCaller,
    window: { window_id?: string; public_id?: string; period?: string; timezone?: string },
  ) => Promise<WindowView>,
): Promise<void> {
  const more = { ...(period === undefined ? {} : { period }), ...(timezone === undefined ? {} : { timezone }) };
  const view = await runAsSystem(io, configFile, (admin) =>
    name.includes("/")
      ? explainMissing(`There is no window ${name}; \`tollgate budgets list\` shows them all.`, () =>
          change(admin, { window_id: name, ...more }),
        )
      : runOnKey(admin, name, () => change(admin, { public_id: name, ...more })),
  );
  if (json === true) return writeJson(io, view);
  io.out(
    makePropertyTable([
      ["window", view.window_id],
      ["state", view.state],
      ["limit", view.limit_usd],
      ["extra", view.extra_usd],
      ["spent", view.spent_usd],
      ["reserved", view.reserved_usd],
      ["remaining", view.remaining_usd],
      ["resets", view.resets_at ?? "never"],
    ]),
  );
}

function makeProcesses(io: CliIo): Command {
  const command = new Command("processes")
    .description("List the gateway processes that lease budgets, and what they hold; newest first.")
    .addOption(new Option("--state <state>", "only in this state").choices(processStates))
    .option("--limit <count>", "at most so many", parseCount, 50);
  return addCommonOptions(command).action(async (flags: ProcessFlags) => {
    const { state, limit } = flags;
    const { rows, more } = await runAsSystem(io, flags.configFile, (admin) =>
      listPages(limit, async (page) => {
        const filter = state === undefined ? {} : { state };
        const { processes, next_cursor: next } = await admin.limits.listProcesses({ ...filter, ...page });
        return { rows: processes, next };
      }),
    );
    if (flags.json === true) return writeJson(io, { processes: rows });
    io.out(rows.length === 0 ? "No processes.\n" : makeTable(rows, processColumns));
    if (more) io.out(`The newest ${limit}; --limit shows more.\n`);
  });
}

const processColumns: Column<ProcessView>[] = [
  { title: "PROCESS", read: (process) => process.process },
  { title: "STATE", read: (process) => process.state },
  { title: "HELD", read: (process) => process.held_usd, right: true },
  { title: "WINDOWS", read: (process) => process.windows, right: true },
  { title: "STARTED", read: (process) => formatInstant(process.started_at) },
  { title: "SEEN", read: (process) => formatInstant(process.seen_at) },
  { title: "CLOSED", read: (process) => (process.closed_at === null ? null : formatInstant(process.closed_at)) },
];

function makeWriteOff(io: CliIo): Command {
  const command = new Command("write-off")
    .description("Charge what a process holds that will never tell what it spent: its machine or data folder is gone.")
    .argument("<process>", "the process, as `budgets processes` names it")
    .option("--force", "also one that was seen within the last minute; it ends at once");
  return addCommonOptions(command).action(async (process: string, flags: CommonFlags & { force?: boolean }) => {
    const view = await runAsSystem(io, flags.configFile, (admin) =>
      explainMissing(`There is no process ${process}; \`tollgate budgets processes\` shows them all.`, () =>
        admin.limits.writeOff({ process, ...(flags.force === true ? { force: true } : {}) }),
      ),
    );
    if (flags.json === true) return writeJson(io, view);
    io.out(`${view.process} is closed; ${view.written_off_usd} USD that it held are charged.\n`);
  });
}

/** Says what was not found, and where it is to be found. */
async function explainMissing<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusal = listCauses(error).find((cause) => cause instanceof AppError)?.refusal;
    if (refusal?.code !== "not_found") throw error;
    throw new CliFailure(exitFailed, message);
  }
}

async function listPages<Row>(
  limit: number,
  load: (page: { limit: number; cursor?: string }) => Promise<{ rows: Row[]; next: string | null }>,
): Promise<{ rows: Row[]; more: boolean }> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const page: { rows: Row[]; next: string | null } = await load({
      limit: Math.min(200, limit - rows.length),
      ...(cursor === null ? {} : { cursor }),
    });
    rows.push(...page.rows);
    cursor = page.next;
  } while (cursor !== null && rows.length < limit);
  return { rows, more: cursor !== null };
}

import { Command, Option } from "commander";
import { listUsageColumns, makeUsageCells } from "../../server/admin/usage/usage-csv.ts";
import { findGroupField } from "../../server/admin/usage/usage-view.ts";
import { makeCsvLine } from "../../server/core/csv.ts";
import {
  type UsageGroup,
  type UsageOrder,
  usageGrains,
  usageGroups,
  usageOrders,
} from "../../server/core/usage-question.ts";
import type { UsageAnswer } from "../../server/core/usage-schema.ts";
import { type CliIo, writeJson } from "./cli-io.ts";
import { collectPair, parseCount } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import type { AdminCaller } from "./system-caller.ts";
import { makeReconcileCommand } from "./usage-reconcile.ts";
import { makeRerateCommand } from "./usage-rerate.ts";
import { type ChartMeasure, chartMeasures, makeUsageChart, makeUsageTable } from "./usage-table.ts";

interface UsageFlags extends CommonFlags {
  by: string;
  from?: string;
  to?: string;
  grain?: (typeof usageGrains)[number];
  timezone?: string;
  key?: string;
  owner?: string;
  model?: string;
  provider?: string;
  endpoint?: string;
  status?: string;
  tag?: [string, string][];
  compare?: true;
  top?: number;
  orderBy?: UsageOrder;
  chart?: ChartMeasure | true;
  csv?: true;
}

/** `tollgate usage` */
export function makeUsageCommand(io: CliIo): Command {
  const names = [...Object.keys(usageGroups), "tag:NAME"].join(", ");
  const command = new Command("usage")
    .description("Show requests, tokens and cost; of the last 30 days unless told otherwise.")
    .option("--by <groups>", `any of ${names}, separated by commas`, "key,model")
    .option("--from <instant>", "from this instant or day on")
    .option("--to <instant>", "up to and without this instant or day")
    .addOption(new Option("--grain <grain>", "a row for each").choices(usageGrains))
    .option("--timezone <name>", "IANA timezone in which days begin")
    .option("--key <public-id>", "only this key")
    .option("--owner <id>", "only this owner")
    .option("--model <name>", "only this model")
    .option("--provider <name>", "only this provider")
    .option("--endpoint <name>", "only of this endpoint")
    .option("--status <status>", "only answered with this status, like 429, or class, like 5xx")
    .option("--tag <name=value>", "only with this key-bound tag; repeatable", collectPair)
    .option("--compare", "show beside it what was in the period before, as long as this one")
    .option("--top <count>", "so many groups; all others are one row", parseCount)
    .addOption(new Option("--order-by <measure>", "the most first").choices(usageOrders))
    .addOption(
      new Option("--chart [measure]", "draw bars; by day, unless --by or --grain says more").choices(chartMeasures),
    )
    .option("--csv", "print every row as CSV");
  // What comes after the name of a subcommand is that one's.
  command.enablePositionalOptions().addCommand(makeRerateCommand(io)).addCommand(makeReconcileCommand(io));
  return addCommonOptions(command).action(async (flags: UsageFlags, self: Command) => {
    if (flags.chart !== undefined && self.getOptionValueSource("by") === "default") {
      flags.by = "";
      flags.grain ??= "day";
    }
    const groups = flags.by.split(",").map((name) => name.trim());
    if (flags.csv === true)
      return await runAsSystem(io, flags.configFile, (admin) => writeCsv(io, admin, flags, groups));
    const answer = await runAsSystem(io, flags.configFile, (admin) => admin.usage.query(makeQuestion(flags)));
    if (flags.json === true) return writeJson(io, answer);
    if (answer.rows.length === 0) return io.out("No usage in this range.\n");
    const fields = listFields(flags, groups);
    if (flags.chart === undefined) return io.out(makeUsageTable(answer, fields));
    const { COLUMNS: columns, LC_ALL: all, LC_CTYPE: characters, LANG: language } = io.env;
    const width = /^[1-9]\d{1,3}$/.test(columns ?? "") ? Number(columns) : (io.columns ?? 80);
    const ascii = !/utf-?8/i.test(all ?? characters ?? language ?? "utf-8");
    io.out(makeUsageChart(answer, fields, flags.chart === true ? "cost" : flags.chart, { width, ascii }));
  });
}

function makeQuestion(flags: UsageFlags): Parameters<AdminCaller["usage"]["query"]>[0] {
  const given = {
    group_by: flags.by,
    from: flags.from,
    to: flags.to,
    grain: flags.grain,
    timezone: flags.timezone,
    public_id: flags.key,
    owner_id: flags.owner,
    model: flags.model,
    provider: flags.provider,
    endpoint: flags.endpoint,
    status: flags.status,
    tag: flags.tag === undefined ? undefined : Object.fromEntries(flags.tag),
    compare: flags.compare === true ? ("previous" as const) : undefined,
    top: flags.top,
    order_by: flags.orderBy,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The bucket first, then the groups as they were asked for. */
function listFields(flags: UsageFlags, groups: readonly string[]): string[] {
  const named = groups.filter((name) => name !== "").map((name) => findGroupField(name as UsageGroup));
  return [...(flags.grain === undefined ? [] : ["bucket"]), ...new Set(named)];
}

async function writeCsv(io: CliIo, admin: AdminCaller, flags: UsageFlags, groups: readonly string[]): Promise<void> {
  const question = makeQuestion(flags);
  const named = groups.filter((name) => name !== "") as UsageGroup[];
  const header = listUsageColumns([...new Set(named)], flags.grain !== undefined);
  let cursor: string | null = null;
  let isFirst = true;
  do {
    const page: UsageAnswer = await admin.usage.query({ ...question, ...(cursor === null ? {} : { cursor }) });
    // Only once the question was found to be one.
    if (isFirst) io.out(makeCsvLine(header));
    isFirst = false;
    io.out(page.rows.map((row) => makeCsvLine(makeUsageCells(row, header))).join(""));
    cursor = page.next_cursor;
  } while (cursor !== null);
}

import { Command, Option } from "commander";
import { usageGrains, usageGroups } from "../../server/core/usage-question.ts";
import type { UsageRow, UsageTotals } from "../../server/core/usage-schema.ts";
import { type CliIo, writeJson } from "./cli-io.ts";
import { collectPair } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { type Column, makeTable } from "./table.ts";
import { makeRerateCommand } from "./usage-rerate.ts";

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
  tag?: [string, string][];
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
    .option("--tag <name=value>", "only with this key-bound tag; repeatable", collectPair);
  // What comes after the name of a subcommand is that one's.
  command.enablePositionalOptions().addCommand(makeRerateCommand(io));
  return addCommonOptions(command).action(async (flags: UsageFlags) => {
    const answer = await runAsSystem(io, flags.configFile, (admin) =>
      admin.usage.query({
        group_by: flags.by,
        ...(flags.from === undefined ? {} : { from: flags.from }),
        ...(flags.to === undefined ? {} : { to: flags.to }),
        ...(flags.grain === undefined ? {} : { grain: flags.grain }),
        ...(flags.timezone === undefined ? {} : { timezone: flags.timezone }),
        ...(flags.key === undefined ? {} : { public_id: flags.key }),
        ...(flags.owner === undefined ? {} : { owner_id: flags.owner }),
        ...(flags.model === undefined ? {} : { model: flags.model }),
        ...(flags.provider === undefined ? {} : { provider: flags.provider }),
        ...(flags.tag === undefined ? {} : { tag: Object.fromEntries(flags.tag) }),
      }),
    );
    if (flags.json === true) return writeJson(io, answer);
    if (answer.rows.length === 0) return io.out("No usage in this range.\n");
    const groups = listGroupFields(answer.rows);
    const rows: (UsageRow | UsageTotals)[] = answer.rows.length > 1 ? [...answer.rows, answer.totals] : answer.rows;
    io.out(
      makeTable(rows, [...groups.map((field, index) => makeGroupColumn(field, index, answer.totals)), ...columns]),
    );
  });
}

const totalFields = new Set([
  "requests",
  "errors",
  "error_rate",
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "cost_usd",
  "unpriced_requests",
  "bytes_in",
  "bytes_out",
  "latency_ms",
  "first_token_ms",
  "first_used_at",
  "last_used_at",
]);

/** The bucket first, then the groups as they were asked for. */
function listGroupFields(rows: readonly UsageRow[]): string[] {
  const fields = Object.keys(rows[0] ?? {}).filter((field) => !totalFields.has(field));
  return fields.sort((a, b) => Number(b === "bucket") - Number(a === "bucket"));
}

function makeGroupColumn(field: string, index: number, totals: UsageTotals): Column<UsageRow | UsageTotals> {
  return {
    title: field.replace("_", " ").toUpperCase(),
    read: (row) => {
      if (row === totals) return index === 0 ? "all" : "";
      const value = Object.entries(row).find(([name]) => name === field)?.[1];
      return typeof value === "string" || typeof value === "number" ? value : null;
    },
  };
}

const columns: Column<UsageRow | UsageTotals>[] = [
  { title: "REQUESTS", read: (row) => row.requests, right: true },
  { title: "ERRORS", read: (row) => row.errors, right: true },
  { title: "INPUT", read: (row) => row.input_tokens + row.cached_input_tokens + row.cache_write_tokens, right: true },
  { title: "OUTPUT", read: (row) => row.output_tokens + row.reasoning_tokens, right: true },
  { title: "COST USD", read: (row) => row.cost_usd, right: true },
  { title: "UNPRICED", read: (row) => row.unpriced_requests, right: true },
  { title: "P50 MS", read: (row) => row.latency_ms.p50?.toFixed(0), right: true },
  { title: "P99 MS", read: (row) => row.latency_ms.p99?.toFixed(0), right: true },
  { title: "LAST USED", read: (row) => row.last_used_at?.slice(0, 19).replace("T", " ") },
];

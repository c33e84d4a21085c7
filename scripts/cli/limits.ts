import { Command } from "commander";
import type { BudgetView, RuleView } from "../../server/core/limit-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitUsage } from "./exit.ts";
import { parseCount } from "./key-flags.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makePropertyTable, makeTable } from "./table.ts";

interface AddFlags extends CommonFlags {
  limit?: string[];
  scope?: string[];
  priority?: number;
  always?: boolean;
  budgetUsd?: string;
  period?: string;
  timezone?: string;
}

/** `tollgate limits …`: what holds for more than one key. */
export function makeLimitsCommand(io: CliIo): Command {
  const limits = new Command("limits").description("Rate rules and budgets for more than one key.");
  limits.addCommand(makeList(io));
  limits.addCommand(makeAdd(io));
  limits.addCommand(makePreview(io));
  limits.addCommand(makeDelete(io));
  return limits;
}

function makeList(io: CliIo): Command {
  const command = new Command("list").description("List rules and budgets, those of the config file too.");
  return addCommonOptions(command).action(async (flags: CommonFlags) => {
    const found = await runAsSystem(io, flags.configFile, async (admin) => ({
      rules: (await admin.rules.list({})).rules,
      budgets: (await admin.budgets.list({})).budgets,
    }));
    if (flags.json === true) return writeJson(io, found);
    const rows = [...found.rules.map(makeRuleRow), ...found.budgets.map(makeBudgetRow)];
    if (rows.length === 0) return io.out("No rules and no budgets.\n");
    io.out(
      makeTable(rows, [
        { title: "ID", read: (row) => row.id },
        { title: "SOURCE", read: (row) => row.source },
        { title: "HOLDS", read: (row) => row.holds },
        { title: "LIMITS", read: (row) => row.limits },
        { title: "SCOPE", read: (row) => row.scope },
      ]),
    );
  });
}

function makeRuleRow({ id, source, priority, limits, scope }: RuleView) {
  return {
    id,
    source,
    holds: priority === null ? "always" : `priority ${priority}`,
    limits: Object.entries(limits)
      .map(([name, amount]) =>
        typeof amount === "object" ? `${name}=${amount.capacity}/${amount.refill_rate}` : `${name}=${amount}`,
      )
      .join(" "),
    scope: scope.length === 0 ? "all calls" : scope.map(writeScope).join(" "),
  };
}

function makeBudgetRow({ id, source, limit_usd, period, timezone, scope }: BudgetView) {
  const isCalendar = /^(day|week|month)$/.test(period);
  return {
    id,
    source,
    holds: "budget",
    limits: `${limit_usd} USD per ${period}${isCalendar ? ` (${timezone})` : ""}`,
    scope: scope === null ? "all calls" : writeScope(scope),
  };
}

function writeScope(scope: Readonly<Record<string, string>>): string {
  if (scope.tag_key !== undefined) return `tag:${scope.tag_key}=${scope.tag_value}`;
  return Object.entries(scope)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function makeAdd(io: CliIo): Command {
  const command = addLimitOptions(
    new Command("add"),
    "Add a rate rule (--limit), or a budget (--budget-usd). It holds on every gateway within a second.",
  );
  return command.action(async (flags: AddFlags) => {
    const isBudget = findKind(command, flags) === "budget";
    const made = await runAsSystem(io, flags.configFile, async (admin) =>
      isBudget ? await admin.budgets.create(makeBudget(flags)) : await admin.rules.create(makeRule(flags)),
    );
    if (flags.json === true) return writeJson(io, made);
    io.out(`${made.id} holds from now on.\n`);
  });
}

function makePreview(io: CliIo): Command {
  const command = addLimitOptions(
    new Command("preview"),
    "Tell which keys a rule or a budget would hold for. Takes what `limits add` takes, and changes nothing.",
  ).option("--replaces <id>", "as if this one were not there");
  return command.action(async (flags: AddFlags & { replaces?: string }) => {
    const isBudget = findKind(command, flags) === "budget";
    const found = await runAsSystem(io, flags.configFile, (admin) =>
      admin.limits.preview({
        ...(isBudget ? { budget: makeBudget(flags) } : { rule: makeRule(flags) }),
        ...(flags.replaces === undefined ? {} : { replaces: flags.replaces }),
      }),
    );
    if (flags.json === true) return writeJson(io, found);
    const writeOthers = (others: typeof found.takes_over): string =>
      others.length === 0 ? "none" : others.map(({ id, keys_total }) => `${id} (keys: ${keys_total})`).join(", ");
    io.out(
      makePropertyTable([
        ["keys", `${found.keys_total}${found.complete ? "" : " or more"}`],
        ["newest", found.keys.map(({ alias }) => alias).join(", ")],
        ["takes over", writeOthers(found.takes_over)],
        ["yields to", writeOthers(found.yields_to)],
        ["enforced", found.enforced ? "yes" : "no: rate_limiting.enabled is false"],
      ]),
    );
  });
}

function addLimitOptions(command: Command, description: string): Command {
  return addCommonOptions(
    command
      .description(description)
      .option("--limit <limit...>", "RESOURCE_per_WINDOW=AMOUNT, or =CAPACITY/REFILL for a token bucket")
      .option("--priority <number>", "of a rule: the highest that matches a call wins; 0 by default", parseCount)
      .option("--always", "of a rule: holds beside the one that wins")
      .option("--budget-usd <usd>", "of a budget: how much")
      .option("--period <period>", "of a budget: a number of days like 30d, or day, week, month, total")
      .option("--timezone <zone>", "of a budget by day, week or month; UTC by default")
      .option(
        "--scope <scope...>",
        "api_key_public_id, owner_id, model, client_ip, origin or tag:NAME, then =VALUE; the value may be tensorzero::each",
      ),
  );
}

function findKind(command: Command, flags: AddFlags): "budget" | "rule" {
  const isBudget = flags.budgetUsd !== undefined;
  if (isBudget !== (flags.limit !== undefined)) return isBudget ? "budget" : "rule";
  return command.error("error: give either --limit, for a rate rule, or --budget-usd, for a budget");
}

type Amount = number | string;

function makeRule({ limit = [], scope = [], priority, always }: AddFlags) {
  const limits: Record<string, Amount | { capacity: Amount; refill_rate: Amount }> = {};
  for (const text of limit) {
    const { name, value } = parsePair(text, "--limit");
    const read = (part: string): Amount => (name.startsWith("cost_per_") ? part : Number(part));
    const [capacity = "", refill] = value.split("/");
    limits[name] = refill === undefined ? read(capacity) : { capacity: read(capacity), refill_rate: read(refill) };
  }
  return {
    ...(always === true && priority === undefined ? { always } : { priority: priority ?? 0, always: always === true }),
    limits,
    scope: scope.map(parseScope),
  };
}

function makeBudget({ budgetUsd = "", period = "", timezone, scope = [] }: AddFlags) {
  if (scope.length > 1) throw new CliFailure(exitUsage, "A budget has one --scope at most.");
  const [first] = scope;
  return {
    limit_usd: budgetUsd,
    period,
    ...(timezone === undefined ? {} : { timezone }),
    ...(first === undefined ? {} : { scope: parseScope(first) }),
  };
}

function parseScope(text: string): Record<string, string> {
  const { name, value } = parsePair(text, "--scope");
  return name.startsWith("tag:") ? { tag_key: name.slice(4), tag_value: value } : { [name]: value };
}

function parsePair(text: string, flag: string): { name: string; value: string } {
  const equals = text.indexOf("=");
  if (equals < 1) throw new CliFailure(exitUsage, `${flag} ${text} is not NAME=VALUE.`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function makeDelete(io: CliIo): Command {
  const command = new Command("delete")
    .description("Delete a rule or a budget that was added.")
    .argument("<id>", "as `limits list` shows it");
  return addCommonOptions(command).action(async (id: string, flags: CommonFlags) => {
    await runAsSystem(io, flags.configFile, (admin) =>
      id.startsWith("budget_") ? admin.budgets.delete({ budget_id: id }) : admin.rules.delete({ rule_id: id }),
    );
    if (flags.json === true) return writeJson(io, { id, state: "deleted" });
    io.out(`${id} is deleted.\n`);
  });
}

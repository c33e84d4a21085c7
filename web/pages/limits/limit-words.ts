import type { Outputs } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";

export type RuleView = Outputs["rules"]["list"]["rules"][number];
export type BudgetView = Outputs["budgets"]["list"]["budgets"][number];
type Amount = RuleView["limits"][string];
type Scope = Readonly<Record<string, string>>;

/** What a rule can count, as it is written and as it is called. */
export const resourceNames = {
  requests: "requests",
  model_inferences: "inferences",
  tokens: "tokens",
  input_tokens: "input tokens",
  output_tokens: "output tokens",
  cost: "USD",
} as const;
export type Resource = keyof typeof resourceNames;

export const rateWindows = ["second", "minute", "hour", "day", "week", "month"] as const;
export type RateWindow = (typeof rateWindows)[number];

/** What a scope looks at, by its field on the wire; a tag's value stands in another one. */
export const scopeNames = {
  api_key_public_id: "key",
  owner_id: "owner",
  tag_key: "tag",
  model: "model",
  client_ip: "client address",
  origin: "origin",
} as const;
export type ScopeField = keyof typeof scopeNames;

/** Takes `RESOURCE_per_WINDOW` apart; `null` where this page does not know it. */
export function parseLimitName(name: string): { resource: Resource; window: RateWindow } | null {
  const [resource = "", window = ""] = name.split("_per_");
  const found = rateWindows.find((one) => one === window);
  return found !== undefined && Object.hasOwn(resourceNames, resource)
    ? { resource: resource as Resource, window: found }
    : null;
}

/** `60 requests per minute`, `$25.00 per month`, `500 tokens at once, 100 back per day`. */
function describeLimit(name: string, amount: Amount): string {
  const parsed = parseLimitName(name);
  if (parsed === null) return `${name} ${JSON.stringify(amount)}`;
  const { resource, window } = parsed;
  const write = (value: string | number): string =>
    resource === "cost" ? formatMoney(String(value)) : formatCount(Number(value));
  const unit = resource === "cost" ? "" : ` ${resourceNames[resource]}`;
  return typeof amount === "object"
    ? `${write(amount.capacity)}${unit} at once, ${write(amount.refill_rate)} back per ${window}`
    : `${write(amount)}${unit} per ${window}`;
}

export function describeLimits(limits: RuleView["limits"]): string {
  return Object.entries(limits)
    .map(([name, amount]) => describeLimit(name, amount))
    .join("; ");
}

/** What a value stands for: itself, each value for itself, or all of them together. */
export function parseMatch(value: string): "value" | "each" | "total" {
  const found = /^(?:tensorzero|tollgate)::(each|total)$/.exec(value)?.[1];
  return found === "each" || found === "total" ? found : "value";
}

/** `each key`, `owner o-1`, `tag customer_id=acme`, `all models together`. */
function describeScope(scope: Scope): string {
  const tag = scope["tag_key"];
  const [field, value = ""] =
    tag === undefined ? (Object.entries(scope)[0] ?? ["", ""]) : [`tag ${tag}`, scope["tag_value"]];
  const noun = Object.hasOwn(scopeNames, field) ? scopeNames[field as ScopeField] : field;
  const match = parseMatch(value);
  if (match === "each") return `each ${noun}`;
  if (match === "total") return `all with ${noun}, together`;
  return tag === undefined ? `${noun} ${value}` : `${noun}=${value}`;
}

export function describeScopes(scopes: readonly Scope[]): string {
  return scopes.length === 0 ? "every call" : scopes.map(describeScope).join(" and ");
}

const periodNames: Readonly<Record<string, string>> = {
  day: "each day",
  week: "each week",
  month: "each month",
  total: "in all",
};

/** `each month, Europe/Berlin`; `every 30 days`. */
export function describePeriod(period: string, timezone: string): string {
  const name = periodNames[period] ?? `every ${period.replace(/d$/, "")} days`;
  return /^(day|week|month)$/.test(period) ? `${name}, ${timezone}` : name;
}

/** A rule or a budget in one line. */
export function describeEntry(entry: RuleView | BudgetView): string {
  return "limits" in entry
    ? `${describeLimits(entry.limits)} for ${describeScopes(entry.scope)}`
    : `${formatMoney(entry.limit_usd)} ${describePeriod(entry.period, entry.timezone)} for ${describeBudgetScope(entry.scope)}`;
}

export function describeBudgetScope(scope: BudgetView["scope"]): string {
  return scope === null ? "the whole deployment" : describeScope(scope);
}

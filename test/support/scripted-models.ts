import { makeModelConfig } from "./test-gateway.ts";

/** What the scripted upstream does for each model; half of the calls that may stream do. */
const models = [
  { name: "quick", stream: "either", script: "up+tokens-12" },
  { name: "slow", stream: "either", script: "up+first-30+rate-100+tokens-40" },
  { name: "silent", stream: "either", script: "up+usage-absent+tokens-20" },
  // A stream that has begun is not tried again, so its one row can be held against one dispatch.
  { name: "dies", stream: "always", script: "up+drop-2000+tokens-60" },
  { name: "fails", stream: "either", script: "up+status-500" },
] as const;

/** For a load: most calls are of the plain kind. */
export const scriptedCalls = [
  ...models,
  ...Array(3).fill(models[0]),
  ...Array(3).fill(models[1]),
] as (typeof models)[number][];

/** Whose usage is reported unless the gateway died under the call. */
export const plainModels: ReadonlySet<string> = new Set(["quick", "slow"]);

/** Budgets of each owner and of all keys together, beside those that keys have: a call is charged to three at once. */
export const sharedBudgets = `
[[budgets]]
limit_usd = 1_000
period = "total"

[[budgets]]
limit_usd = 500
period = "month"
scope = { owner_id = "tollgate::each" }
`;

/** What one call to `exact` costs that caps its output at this many tokens, and what is reserved for it: the same. */
export const exactTokens = 16;
export const exactNanoUsd = 32_000n;

/**
 * A config whose models are the scripted ones, each priced at 1 and 2 USD per million tokens, as the oracle reckons. Beside
 * those of a load, `exact` costs as much as is reserved for it, because its input is free, and `lies` reports ten times what it served.
 *
 * @param more text of the config beyond them; it begins with whole tables.
 */
export function makeScriptedConfig(upstreamUrl: string, more = ""): string {
  const make = (name: string, script: string, rest = ""): string =>
    makeModelConfig(upstreamUrl, name, `model_name = "${script}"\n${rest}`);
  const exact = make("exact", `up+tokens-${exactTokens}`).replace(
    "input_usd_per_million = 1",
    "input_usd_per_million = 0",
  );
  return [
    "[log]\naccess = false\n",
    more,
    exact,
    make("lies", `up+usage-lying+first-200+tokens-${exactTokens}`),
    // Those that always fail are to go on failing, each call at the provider.
    ...models.map(({ name, script }) => make(name, script, "retries = 1\ncircuit_breaker = { failures = 0 }")),
  ].join("\n");
}

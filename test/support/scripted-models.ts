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

/** A config whose models are the scripted ones, each priced at 1 and 2 USD per million tokens, as the oracle reckons. */
export function makeScriptedConfig(upstreamUrl: string): string {
  return `[log]\naccess = false\n${models
    .map(({ name, script }) => makeModelConfig(upstreamUrl, name, `model_name = "${script}"\nretries = 1`))
    .join("")}`;
}

import { type Command, InvalidArgumentError, Option } from "commander";
import type { z } from "zod";
import { keyStates, keyTypes } from "../../server/core/api-key.ts";
import type { updateKeyInput } from "../../server/core/api-key-schema.ts";

/** What the flags below give; the schema of the procedure checks the values. */
type KeyProperties = Omit<z.input<typeof updateKeyInput>, "public_id" | "if_match" | "state">;

export interface KeyFlags {
  alias?: string;
  name?: string;
  description?: string;
  permission?: string[];
  model?: string[];
  tag?: [string, string][];
  budget?: ({ limit_usd: string; period: string; timezone?: string } | null)[];
  rateLimit?: [string, string][];
  maxOutputTokens?: number | null;
  expiration?: string;
  allowIp?: string[];
  allowOrigin?: string[];
  owner?: string;
  credential?: [string, string][];
  onDisconnect?: "drain" | "abort";
}

const none = "none";

/** `a,b` and repeated flags add up. */
export function collectList(value: string, earlier: string[] = []): string[] {
  return [...earlier, ...value.split(",").map((part) => part.trim())];
}

/** `NAME=VALUE`, repeated. */
export function collectPair(value: string, earlier: [string, string][] = []): [string, string][] {
  if (value === none) return earlier;
  const at = value.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write it as NAME=VALUE.");
  return [...earlier, [value.slice(0, at), value.slice(at + 1)]];
}

/** `25/30d`, or `25/month@Europe/Berlin`. */
export function collectBudget(
  value: string,
  earlier: NonNullable<KeyFlags["budget"]> = [],
): NonNullable<KeyFlags["budget"]> {
  if (value === none) return [...earlier, null];
  const match = /^([^/]+)\/([^@]+)(?:@(.+))?$/.exec(value);
  if (match === null) throw new InvalidArgumentError("Write it as USD/PERIOD, like 25/30d or 25/month@Europe/Berlin.");
  const [, limit = "", period = "", timezone] = match;
  return [...earlier, { limit_usd: limit, period, ...(timezone === undefined ? {} : { timezone }) }];
}

/** A whole number from 1 on. */
export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("Write a whole number from 1 on.");
  return Number(value);
}

function parseCountOrNone(value: string): number | null {
  return value === none ? null : parseCount(value);
}

/** The flags for the properties of a key. For a change, `none` empties a list, a record or a value. */
export function addKeyFlags(command: Command): Command {
  return command
    .option("--alias <alias>", "lower-case letters, digits and dashes; made from the name by default")
    .option("--name <name>", "free text")
    .option("--description <text>", "free text")
    .option("--permission <list>", "like ai:inference,admin:usage; repeatable", collectList)
    .option("--model <list>", "names with * and a leading ! to exclude; repeatable", collectList)
    .option("--tag <name=value>", "key-bound tag; repeatable", collectPair)
    .option("--budget <usd/period>", "like 25/30d or 25/month@Europe/Berlin; repeatable", collectBudget)
    .option("--rate-limit <name=number>", "like requests_per_minute=100; repeatable", collectPair)
    .option("--max-output-tokens <count>", "cap of output tokens", parseCountOrNone)
    .option("--expiration <datetime>", 'RFC 3339 or "2027-01-31 12:00:00 UTC"; never where that is allowed')
    .option("--allow-ip <list>", "networks; repeatable", collectList)
    .option("--allow-origin <list>", "origins; repeatable", collectList)
    .option("--owner <id>", "the user it belongs to; none for nobody")
    .option("--credential <provider=name>", "stored credential for a provider; repeatable", collectPair)
    .addOption(new Option("--on-disconnect <mode>", "when a client leaves").choices(["drain", "abort"]));
}

export function makeTypeOption(): Option {
  return new Option("--type <type>", "kind of key").choices(keyTypes);
}

export function makeStateOption(): Option {
  return new Option("--state <state>", "only keys in this state").choices(keyStates);
}

/** Brings flags into the form of the procedures' input. What was not said is absent. */
export function parseKeyFlags(flags: KeyFlags): KeyProperties {
  return {
    ...(flags.alias === undefined ? {} : { alias: flags.alias }),
    ...(flags.name === undefined ? {} : { name: parseOptional(flags.name) }),
    ...(flags.description === undefined ? {} : { description: parseOptional(flags.description) }),
    ...(flags.permission === undefined ? {} : { permissions: parseList(flags.permission) }),
    ...(flags.model === undefined ? {} : { models: parseList(flags.model) }),
    ...(flags.tag === undefined ? {} : { tags: Object.fromEntries(flags.tag) }),
    ...(flags.budget === undefined ? {} : { budgets: flags.budget.filter((budget) => budget !== null) }),
    ...(flags.rateLimit === undefined ? {} : { rate_limits: parseRates(flags.rateLimit) }),
    ...(flags.maxOutputTokens === undefined ? {} : { max_output_tokens: flags.maxOutputTokens }),
    ...(flags.expiration === undefined ? {} : { expires_at: flags.expiration === "never" ? null : flags.expiration }),
    ...(flags.allowIp === undefined ? {} : { allowed_ips: parseList(flags.allowIp) }),
    ...(flags.allowOrigin === undefined ? {} : { allowed_origins: parseList(flags.allowOrigin) }),
    ...(flags.owner === undefined ? {} : { owner_id: parseOptional(flags.owner) }),
    ...(flags.credential === undefined ? {} : { provider_credentials: Object.fromEntries(flags.credential) }),
    ...(flags.onDisconnect === undefined ? {} : { on_disconnect: flags.onDisconnect }),
  };
}

function parseOptional(text: string): string | null {
  return text === none || text === "" ? null : text;
}

function parseList(items: readonly string[]): string[] {
  return items.filter((item) => item !== none && item !== "");
}

/** A text that is no number stays NaN, and the schema says so by the limit's name. */
function parseRates(pairs: readonly [string, string][]): Record<string, number> {
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN]),
  );
}

import type { KeyPowers } from "../../server/core/delegation.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What allows everything. */
export const open: KeyPowers = {
  permissions: ["*"],
  models: ["*"],
  tags: {},
  budgets: [],
  rateLimits: {},
  maxOutputTokens: null,
  expiresAt: null,
  allowedIps: [],
  allowedOrigins: [],
  ownerId: null,
  providerCredentials: {},
};

/** Values of every power, few enough that inclusions, near misses and equalities are common. */

export const networks = [
  "0.0.0.0/0",
  "10.0.0.0/8",
  "10.0.0.0/7",
  "10.1.0.0/16",
  "10.1.2.3/13",
  "10.1.2.3",
  "10.255.255.255",
  "11.0.0.0/8",
  "192.168.1.128/25",
  "192.168.1.0/24",
  "::/0",
  "::/80",
  "::ffff:0:0/96",
  "::ffff:10.0.0.0/104",
  "::ffff:10.1.2.3",
  "::ffff:a01:203/127",
  "2001:db8::/32",
  "2001:db8::/29",
  "2001:db8:1::/48",
  "2001:db8:1::5/47",
  "2001:db8::1",
  "fe80::/10",
];

export const origins = [
  "https://a.com",
  "https://b.com",
  "https://x.b.com",
  "https://y.x.b.com",
  "https://*.b.com",
  "https://*.x.b.com",
  "http://x.b.com",
  "http://*.b.com",
  "https://*.b.com:8443",
  "https://x.b.com:8443",
  "https://evilb.com",
  "http://localhost:3000",
];

const grants = (
  "* vec:* kev:* data:* ai:* files:* admin:* keys:* vec:read vec:write vec:delete kev:read data:admin ai:inference ai:agents " +
  "files:read admin:keys admin:keys admin:usage keys:verify"
).split(" ");
const realModels = [
  "*",
  "openai::*",
  "openai::gpt-*",
  "openai::gpt-5",
  "!openai::o*",
  "!*mini",
  "gpt-*",
  "anthropic::*",
  "a*::b",
];
const rateNames = [
  "requests_per_minute",
  "requests_per_second",
  "model_inferences_per_hour",
  "tokens_per_day",
  "input_tokens_per_week",
  "output_tokens_per_month",
  "cost_per_month",
  "concurrent_requests",
];
const periods = [
  { period: "30d" },
  { period: "7d" },
  { period: "total" },
  { period: "day" },
  { period: "day", timezone: "UTC" },
  { period: "week", timezone: "Asia/Kolkata" },
  { period: "month" },
  { period: "month", timezone: "Europe/Berlin" },
];
const owners = [null, null, "ann", "bob"];

export type Field = keyof KeyPowers;
export const fields: readonly Field[] = [
  "permissions",
  "models",
  "tags",
  "budgets",
  "rateLimits",
  "maxOutputTokens",
  "expiresAt",
  "allowedIps",
  "allowedOrigins",
  "ownerId",
  "providerCredentials",
];

function some<T>(random: SeededRandom, max: number, make: () => T): T[] {
  return Array.from({ length: random.integer(max + 1) }, make);
}

function makeModelPattern(random: SeededRandom): string {
  if (random.integer(3) === 0) return random.pick(realModels);
  const text = Array.from({ length: 1 + random.integer(4) }, () => random.pick(["a", "b", "*"])).join("");
  return random.integer(4) === 0 ? `!${text}` : text;
}

function makeRecord<T>(random: SeededRandom, names: readonly string[], make: () => T): Record<string, T> {
  return Object.fromEntries(some(random, 2, () => [random.pick(names), make()]));
}

const makers: { [F in Field]: (random: SeededRandom) => KeyPowers[F] } = {
  permissions: (random) => some(random, 4, () => random.pick(grants)),
  models: (random) => some(random, 4, () => makeModelPattern(random)),
  tags: (random) => makeRecord(random, ["customer", "team", "constructor"], () => random.pick(["x", "y"])),
  budgets: (random) => {
    const named = new Map(
      some(random, 3, () => random.pick(periods)).map((one) => [`${one.period} ${one.timezone ?? "UTC"}`, one]),
    );
    return [...named.values()].map((one) => ({ limitNanoUsd: BigInt(random.integer(4)), ...one }));
  },
  rateLimits: (random) => makeRecord(random, rateNames, () => random.integer(4)),
  maxOutputTokens: (random) => random.pick([null, 1, 2, 3]),
  expiresAt: (random) => random.pick([null, new Date(1_000), new Date(1_001), new Date(2_000)]),
  allowedIps: (random) => some(random, 3, () => random.pick(networks)),
  allowedOrigins: (random) => some(random, 3, () => random.pick(origins)),
  ownerId: (random) => random.pick(owners),
  providerCredentials: (random) => makeRecord(random, ["openai", "mistral", "google"], () => random.pick(["c1", "c2"])),
};

/** Anything, mostly with the permission to manage keys. */
export function makeRandomPowers(random: SeededRandom): KeyPowers {
  const made = Object.fromEntries(fields.map((field) => [field, makers[field](random)])) as unknown as KeyPowers;
  return random.integer(4) === 0 ? made : { ...made, permissions: [...made.permissions, "admin:keys"] };
}

/** The powers with up to three of them made anew, or narrowed a little. */
export function makeVariant(random: SeededRandom, powers: KeyPowers): KeyPowers {
  let variant: KeyPowers = { ...powers };
  for (let count = random.integer(4); count > 0; count--) {
    const field = random.pick(fields);
    const value = variant[field];
    const made = makers[field](random);
    const mixed =
      Array.isArray(value) && Array.isArray(made) && field !== "budgets" && random.integer(2) === 0
        ? [...value.slice(random.integer(2)), ...made.slice(0, 1)]
        : made;
    variant = { ...variant, [field]: mixed };
  }
  return variant;
}

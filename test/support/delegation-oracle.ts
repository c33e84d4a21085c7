import type { KeyPowers } from "../../server/core/delegation.ts";
import { networks, origins } from "./delegation-values.ts";

/**
 * What a key may do, said again and apart from the product: each property is a set of concrete calls, and a key may
 * do more than another where some call is in its set and not in the other's.
 */

const permissionNames = (
  "vec:read vec:write vec:delete kev:read kev:write kev:delete data:read data:write data:admin ai:inference ai:agents " +
  "ai:workflows files:read files:write files:delete admin:keys admin:usage keys:verify"
).split(" ");

function makeCached<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = make(text);
      known.set(text, value);
    }
    return value;
  };
}

/** A set of sample calls: bit n is the n-th. */
function makeMask(samples: readonly unknown[], holds: (at: number) => boolean): bigint {
  return BigInt(`0b0${samples.map((_, at) => (holds(samples.length - 1 - at) ? "1" : "0")).join("")}`);
}

function unite(texts: readonly string[], find: (text: string) => bigint): bigint {
  return texts.reduce((mask, text) => mask | find(text), 0n);
}

function listHeld(grants: readonly string[]): Set<string> {
  const held = new Set<string>();
  for (const grant of grants) {
    const service = grant.replace(/\*$/, "");
    for (const name of permissionNames)
      if (name === grant || (grant.endsWith("*") && name.startsWith(service))) held.add(name);
  }
  if (held.has("admin:keys")) held.add("keys:verify");
  return held;
}

/** Every name of up to five letters, and some as they are in life. */
const modelNames = ["openai::gpt-5", "openai::gpt-5-mini", "openai::o3", "gpt-5", "anthropic::claude", "a::b"];
for (let length = 0, names = [""]; length <= 5; length++) {
  modelNames.push(...names);
  names = names.flatMap((name) => ["a", "b", "c"].map((letter) => name + letter));
}
const findMatches = makeCached((pattern: string) => {
  const shape = new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[^\w]/g, "\\$&"))
      .join("[^]*")}$`,
  );
  return makeMask(modelNames, (at) => shape.test(modelNames[at] ?? ""));
});

function findCallable(patterns: readonly string[]): bigint {
  const allows = patterns.filter((pattern) => pattern[0] !== "!");
  const excludes = patterns.filter((pattern) => pattern[0] === "!").map((pattern) => pattern.slice(1));
  return unite(allows, findMatches) & ~unite(excludes, findMatches);
}

/** An address as 128 bits; an IPv4 address as the IPv6 address that it is mapped to. */
const parseAddress = makeCached((text: string): bigint => {
  if (!text.includes(":")) return (0xffffn << 32n) | parseDotted(text);
  const [head = "", tail] = text.split("::");
  const groups = (part: string | undefined): bigint[] =>
    part === undefined || part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) return [BigInt(`0x${group}`)];
          const low = parseDotted(group);
          return [low >> 16n, low & 0xffffn];
        });
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n);
});

function parseDotted(text: string): bigint {
  return text.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

const parseRange = makeCached((text: string): [first: bigint, last: bigint] => {
  const [address = "", length] = text.split("/");
  const bits = address.includes(":") ? 128n : 32n;
  const free = bits - BigInt(length ?? bits);
  const first = (parseAddress(address) >> free) << free;
  return [first, first + (1n << free) - 1n];
});

/** The edges of each network that the generator knows, and what lies beside them. */
const addresses = [
  ...new Set(
    networks.flatMap((text) => {
      const [first, last] = parseRange(text);
      return [first, last, first - 1n, last + 1n, (first + last) / 2n];
    }),
  ),
].filter((address) => address >= 0n);
const findInside = makeCached((text: string) => {
  const [first, last] = parseRange(text);
  return makeMask(addresses, (at) => (addresses[at] ?? 0n) >= first && (addresses[at] ?? 0n) <= last);
});

/** Pages that might call: every origin of the generator made concrete, deeper, elsewhere, and by another scheme or port. */
const pages = [
  ...new Set(
    origins.flatMap((text) => {
      const base = text.replace("*.", "");
      return [
        base,
        base.replace("://", "://x."),
        base.replace("://", "://x.y."),
        base.replace("://", "://evil"),
        base.replace(/^https/, "http"),
        base.replace(/(:\d+)?$/, ":8443"),
      ];
    }),
  ),
];
const findServed = makeCached((text: string) => {
  const wild = text.includes("://*.");
  const allowed = new URL(text.replace("*.", ""));
  return makeMask(pages, (at) => {
    const { protocol, hostname, port } = new URL(pages[at] ?? "");
    if (protocol !== allowed.protocol || port !== allowed.port) return false;
    if (!wild) return hostname === allowed.hostname;
    const labels = hostname.split(".");
    const wanted = allowed.hostname.split(".");
    return (
      labels.length > wanted.length &&
      wanted.every((label, index) => label === labels[labels.length - wanted.length + index])
    );
  });
});

/** True where some call counts for the inner lists and not for the outer; no list lets all in. */
function hasMore(inner: readonly string[], outer: readonly string[], find: (text: string) => bigint): boolean {
  if (outer.length === 0) return false;
  const allowed = unite(outer, find);
  return inner.length === 0 || (unite(inner, find) & ~allowed) !== 0n;
}

/** The most that each window lets through; what has no window is unlimited. */
function makeCeilings(
  list: readonly (readonly [window: string, amount: bigint | number])[],
): Map<string, bigint | number> {
  const ceilings = new Map<string, bigint | number>();
  for (const [window, amount] of list) {
    const known = ceilings.get(window);
    if (known === undefined || amount < known) ceilings.set(window, amount);
  }
  return ceilings;
}

function passesCeiling(inner: Map<string, bigint | number>, outer: Map<string, bigint | number>): boolean {
  return [...outer].some(([window, amount]) => {
    const own = inner.get(window);
    return own === undefined || own > amount;
  });
}

const makeBudgets = (key: KeyPowers) =>
  makeCeilings(key.budgets.map((one) => [`${one.period} in ${one.timezone ?? "UTC"}`, one.limitNanoUsd] as const));

/** For each power: may the child do something in it that the parent may not? Named as on the wire. */
export const oracle: Readonly<Record<string, (child: KeyPowers, parent: KeyPowers) => boolean>> = {
  permissions(child, parent) {
    const held = listHeld(parent.permissions);
    return [...listHeld(child.permissions)].some((name) => !held.has(name));
  },
  models: (child, parent) => (findCallable(child.models) & ~findCallable(parent.models)) !== 0n,
  // A call of the parent always carries its tags; one of the child's without them goes past the bill.
  tags: (child, parent) => Object.keys(parent.tags).some((name) => child.tags[name] !== parent.tags[name]),
  budgets: (child, parent) => passesCeiling(makeBudgets(child), makeBudgets(parent)),
  rate_limits: (child, parent) =>
    passesCeiling(makeCeilings(Object.entries(child.rateLimits)), makeCeilings(Object.entries(parent.rateLimits))),
  max_output_tokens: (child, parent) =>
    (child.maxOutputTokens ?? Number.POSITIVE_INFINITY) > (parent.maxOutputTokens ?? Number.POSITIVE_INFINITY),
  expires_at: (child, parent) =>
    (child.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) >
    (parent.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
  allowed_ips: (child, parent) => hasMore(child.allowedIps, parent.allowedIps, findInside),
  allowed_origins: (child, parent) => hasMore(child.allowedOrigins, parent.allowedOrigins, findServed),
  // A key that belongs to somebody reaches that owner's objects; one that belongs to nobody reaches all.
  owner_id: (child, parent) => parent.ownerId !== null && child.ownerId !== parent.ownerId,
  // Each provider is called with the pinned credential, else with the deployment's own.
  provider_credentials: (child, parent) =>
    ["openai", "mistral", "google"].some((provider) => {
      const own = child.providerCredentials[provider];
      const theirs = parent.providerCredentials[provider];
      return own !== theirs && (theirs !== undefined || !parent.permissions.includes("*"));
    }),
};

/** Powers in which the child goes beyond the parent. */
export function findBeyond(child: KeyPowers, parent: KeyPowers): string[] {
  return Object.keys(oracle).filter((field) => oracle[field]?.(child, parent));
}

/** Powers that a change gives to the key, or puts into other hands. */
export function findGiven(before: KeyPowers, after: KeyPowers): string[] {
  const moved: [string, unknown, unknown][] = [
    ["owner_id", before.ownerId, after.ownerId],
    ["tags", before.tags, after.tags],
    ["provider_credentials", before.providerCredentials, after.providerCredentials],
  ];
  const sorted = (value: unknown): string =>
    JSON.stringify(typeof value === "object" && value !== null ? Object.entries(value).sort() : value);
  return [
    ...new Set([
      ...findBeyond(after, before),
      ...moved.filter(([, a, b]) => sorted(a) !== sorted(b)).map(([field]) => field),
    ]),
  ];
}

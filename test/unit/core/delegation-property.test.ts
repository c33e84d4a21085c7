import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiKey } from "../../../server/core/api-key.ts";
import { findExcess, findExcessOfChange, type KeyPowers } from "../../../server/core/delegation.ts";
import { isModelAllowed } from "../../../server/core/model-allowlist.ts";
import { findBeyond, findGiven, oracle } from "../../support/delegation-oracle.ts";
import { type Field, fields, makeRandomPowers, makeVariant, open } from "../../support/delegation-values.ts";
import { makeSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

/** BARS.md B2. Property: over any sequence of operations by keys, nothing is given that the giver has not. */
const sequences = process.env.TEST_TIER === "full" ? 100_000 : 20_000;

/** What decides: the product's functions, or a faulty stand-in. */
interface Rules {
  findExcess: typeof findExcess;
  findExcessOfChange: typeof findExcessOfChange;
}
const rules: Rules = { findExcess, findExcessOfChange };

interface Held extends KeyPowers {
  state: "active" | "disabled";
  /** Powers of the keys that the attacker began with; `null` for keys whose plaintext it never saw. */
  isHeld: boolean;
}

interface Tally {
  accepted: Record<string, number>;
  refused: Record<string, number>;
  violations: string[];
}

const operations = ["create", "update", "rotate", "transfer", "enable", "disable"] as const;
type Operation = readonly [kind: (typeof operations)[number], caller: number, target: number, seed: number];

const operation: fc.Arbitrary<Operation> = fc.tuple(
  fc.constantFrom(...operations, "create" as const, "update" as const),
  fc.nat(7),
  fc.nat(7),
  fc.nat(0x7fffffff),
);
const sequence = fc.tuple(fc.nat(0x7fffffff), fc.array(operation, { minLength: 1, maxLength: 12 }));

const managesKeys = (key: KeyPowers): boolean =>
  ["*", "admin:*", "admin:keys"].some((grant) => key.permissions.includes(grant));

/** An attacker with two keys works on them and on three of other people, by every operation of the admin API. */
function run(by: Rules, seed: number, list: readonly Operation[], tally: Tally): void {
  const start = makeSeededRandom(seed);
  const keys = Array.from(
    { length: 5 },
    (_, index): Held => ({
      ...(index % 2 === 0 ? makeRandomPowers(start) : makeVariant(start, makeRandomPowers(start))),
      state: start.integer(3) === 0 ? "disabled" : "active",
      isHeld: index < 2,
    }),
  );
  const roots: KeyPowers[] = keys.slice(0, 2).map((key) => ({ ...key }));
  for (const [kind, callerAt, targetAt, opSeed] of list) {
    const caller = keys.filter((key) => key.isHeld)[callerAt % keys.filter((key) => key.isHeld).length];
    const target = keys[targetAt % keys.length];
    if (caller === undefined || target === undefined) throw new Error("there are always five keys");
    if (caller.state !== "active" || !managesKeys(caller)) continue;
    if (kind !== "create" && caller.ownerId !== null && caller.ownerId !== target.ownerId) continue;
    const problems = apply(by, kind, caller, target, keys, makeSeededRandom(opSeed), tally);
    tally.violations.push(...problems.map((field) => `${kind} gave ${field}`));
    for (const key of keys.filter((one) => one.isHeld)) tally.violations.push(...findLoot(key, roots));
    if (tally.violations.length > 0) return;
  }
}

/**
 * Whatever was done in between: no key in the attacker's hands may do what neither of its first two may, and none has a
 * permission for longer than one of these. (Room in limits may last as long as the key that it was given to.)
 */
function findLoot(key: KeyPowers, roots: readonly KeyPowers[]): string[] {
  const beyond = roots.map((root) => findBeyond(key, root).filter((field) => field !== "expires_at"));
  const kept = roots.filter((root) => oracle.expires_at?.(key, root) === false);
  const lasting = { ...key, permissions: kept.flatMap((root) => root.permissions) };
  return [
    ...(beyond.every((names) => names.length > 0) ? [`holds ${[...new Set(beyond.flat())].join(" ")}`] : []),
    ...(oracle.permissions?.(key, lasting) === true ? ["holds permissions beyond expires_at"] : []),
  ];
}

function count(tally: Tally, kind: string, isAccepted: boolean): boolean {
  const column = isAccepted ? tally.accepted : tally.refused;
  column[kind] = (column[kind] ?? 0) + 1;
  return isAccepted;
}

/** Asks the rules, does what they let pass, and answers what the oracle says against it. */
function apply(
  by: Rules,
  kind: Operation[0],
  caller: Held,
  target: Held,
  keys: Held[],
  random: SeededRandom,
  tally: Tally,
): string[] {
  if (kind === "disable") {
    target.state = "disabled";
    return [];
  }
  if (kind === "create") {
    const child = makeVariant(random, caller);
    if (!count(tally, kind, by.findExcess(caller, child).length === 0)) return [];
    if (keys.length < 8) keys.push({ ...child, state: "active", isHeld: true });
    return findBeyond(child, caller);
  }
  if (kind === "rotate") {
    if (!count(tally, kind, by.findExcess(caller, target).length === 0)) return [];
    target.isHeld = true;
    return findBeyond(target, caller);
  }
  const enables = kind === "enable" && target.state === "disabled";
  const before: KeyPowers = { ...target };
  const after: KeyPowers =
    kind === "enable"
      ? before
      : kind === "transfer"
        ? { ...before, ownerId: random.pick([null, "ann", "bob"]) }
        : makeVariant(random, random.integer(2) === 0 ? before : { ...caller, expiresAt: before.expiresAt });
  if (!count(tally, kind, by.findExcessOfChange(caller, before, after, enables).length === 0)) return [];
  Object.assign(target, after, { isHeld: target.isHeld, state: enables ? "active" : target.state });
  const given = findGiven(before, after);
  if (!enables && given.length === 0) return [];
  const keepsEnd = before.expiresAt?.getTime() === after.expiresAt?.getTime() && !given.includes("permissions");
  return findBeyond(after, caller).filter((field) => field !== "expires_at" || !keepsEnd);
}

function check(
  by: Rules,
  runs: number,
  seed: number,
): { tally: Tally; details: fc.RunDetails<[[number, Operation[]]]> } {
  const tally: Tally = { accepted: {}, refused: {}, violations: [] };
  const property = fc.property(sequence, ([start, list]) => {
    tally.violations = [];
    run(by, start, list, tally);
    return tally.violations.length === 0;
  });
  const details = fc.check(property, { numRuns: runs, seed, endOnFailure: true });
  if (details.failed && tally.violations.length === 0) throw new Error(String(details.errorInstance));
  return { tally, details };
}

/** Rules that do not look at a field. */
function makeBlindRules(wire: string): Rules {
  return {
    findExcess: (parent, child) => findExcess(parent, child).filter((name) => name !== wire),
    findExcessOfChange: (...asked) => findExcessOfChange(...asked).filter((name) => name !== wire),
  };
}

const wireNames: Readonly<Record<Field, string>> = {
  permissions: "permissions",
  models: "models",
  tags: "tags",
  budgets: "budgets",
  rateLimits: "rate_limits",
  maxOutputTokens: "max_output_tokens",
  expiresAt: "expires_at",
  allowedIps: "allowed_ips",
  allowedOrigins: "allowed_origins",
  ownerId: "owner_id",
  providerCredentials: "provider_credentials",
};

describe("delegation", () => {
  it(`gives nothing that the giver has not, in ${sequences} sequences`, () => {
    const seed = makeSeededRandom().seed;
    const { tally, details } = check(rules, sequences, seed);
    console.info(`B2: seed ${seed}, ${details.numRuns} sequences`, JSON.stringify({ ...tally, violations: undefined }));
    expect([tally.violations, details.counterexample]).toEqual([[], null]);
    expect(details.numRuns).toBe(sequences);
    for (const kind of ["create", "update", "rotate", "transfer", "enable"]) {
      expect(tally.accepted[kind], `${kind}, accepted`).toBeGreaterThan(sequences / 100);
      expect(tally.refused[kind], `${kind}, refused`).toBeGreaterThan(sequences / 100);
    }
  }, 600_000);

  it("a child's models are never callable where the parent's are not", () => {
    const pattern = fc.stringMatching(/^!?[ab*]{1,5}$/);
    const name = fc.stringMatching(/^[ab]{0,7}$/);
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 4 }),
        fc.array(pattern, { maxLength: 4 }),
        fc.array(name, { minLength: 20 }),
        (mine, theirs, names) => {
          if (findExcess({ ...open, models: mine }, { ...open, models: theirs }).length > 0) return;
          accepted++;
          const beyond = names.filter((model) => isModelAllowed(theirs, model) && !isModelAllowed(mine, model));
          expect([mine, theirs, beyond]).toEqual([mine, theirs, []]);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each(fields)("a decision that does not look at %s is found out", (field) => {
    const { tally, details } = check(makeBlindRules(wireNames[field]), 5_000, 7);
    expect(details.failed).toBe(true);
    expect(tally.violations.join()).toContain(wireNames[field]);
  });

  it.each(["owner_id", "tags", "provider_credentials"] as const)(
    "nor one that takes another %s for nothing given",
    (wire) => {
      const field = fields.find((name) => wireNames[name] === wire) as Field;
      const careless: Rules = {
        findExcess,
        findExcessOfChange: (parent, before, after, enables) =>
          findExcess({ ...before, [field]: after[field] }, after).length === 0 && !enables
            ? []
            : findExcessOfChange(parent, before, after, enables),
      };
      expect(check(careless, 5_000, 7).details.failed).toBe(true);
    },
  );

  it("nor one that hands out the plaintext of a key that outlives the caller", () => {
    const careless: Rules = {
      findExcess: (parent, child) => findExcessOfChange(parent, child, child, true),
      findExcessOfChange,
    };
    const { tally, details } = check(careless, 5_000, 7);
    expect(details.failed).toBe(true);
    expect(tally.violations.join()).toContain("expires_at");
  });

  it("every property of a key is a power that is compared, or named here as none", () => {
    const none: Record<Exclude<keyof ApiKey, Field>, string> = {
      publicId: "a name",
      alias: "a name",
      name: "a name",
      description: "a name",
      type: "a prefix; client-key.ts bounds what a client key holds",
      state: "looked at by whoever enables",
      onDisconnect: "two ways to charge, neither of them free",
      createdAt: "a fact",
      createdBy: "a fact",
      lastUsedAt: "a fact",
      lastUsedIp: "a fact",
      rotatedAt: "a fact",
      originsChangedAt: "a fact",
      importedFrom: "a fact",
      operatorHold: "a fact",
      version: "a fact",
    };
    expect(Object.keys(none).filter((name) => (fields as readonly string[]).includes(name))).toEqual([]);
    expect(Object.keys(oracle).sort()).toEqual(Object.values(wireNames).sort());
  });
});

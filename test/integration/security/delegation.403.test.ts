import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findApiKey } from "../../../db/queries/find-api-key.ts";
import type { KeyPowers } from "../../../server/core/delegation.ts";
import { type AdminHarness, type Answer, openAdminHarness } from "../../support/admin-harness.ts";
import { findBeyond, findGiven } from "../../support/delegation-oracle.ts";
import { makeRandomPowers, makeVariant } from "../../support/delegation-values.ts";
import { makeSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

/** BARS.md B2, over HTTP: random keys create, change, rotate, transfer and enable each other. */
const sequences = process.env.TEST_TIER === "full" ? 3_000 : 200;

let admin: AdminHarness;
beforeAll(async () => {
  admin = await openAdminHarness({ allowNoExpiry: true });
});
afterAll(() => admin.close());

interface Bearer {
  id: string;
  text: string;
}

const startMs = Date.now() + 86_400_000;

/** As the wire has them. The generator's few instants are a day ahead, a millisecond or a second apart. */
function makeWire(powers: KeyPowers) {
  return {
    permissions: [...powers.permissions],
    models: [...powers.models],
    tags: { ...powers.tags },
    budgets: powers.budgets.map(({ limitNanoUsd, ...more }) => ({ limit_usd: `0.00000000${limitNanoUsd}`, ...more })),
    rate_limits: { ...powers.rateLimits },
    max_output_tokens: powers.maxOutputTokens,
    expires_at: powers.expiresAt === null ? null : new Date(powers.expiresAt.getTime() + startMs).toISOString(),
    allowed_ips: [...powers.allowedIps],
    allowed_origins: [...powers.allowedOrigins],
    owner_id: powers.ownerId,
    provider_credentials: { ...powers.providerCredentials },
  };
}

async function getPowers(id: string): Promise<KeyPowers & { state: string }> {
  const key = await findApiKey(admin.test.database.sql, id, { ownerId: null });
  if (key === null) throw new Error(`the key ${id} is gone`);
  return { ...key, expiresAt: key.expiresAt === null ? null : new Date(key.expiresAt.getTime() - startMs) };
}

/** Some of the properties: what is left out is for the defaults. */
function pickSome(random: SeededRandom, input: ReturnType<typeof makeWire>): Record<string, unknown> {
  const share = random.integer(4);
  return Object.fromEntries(Object.entries(input).filter(() => random.integer(4) >= share));
}

const operations = ["create", "create", "update", "update", "rotate", "transfer", "enable", "bulk", "disable"] as const;

test(`no key gives more than it has, in ${sequences} sequences over HTTP`, async () => {
  const random = makeSeededRandom();
  const tally: Record<string, number> = {};
  const violations: string[] = [];
  const count = (name: string): void => void (tally[name] = (tally[name] ?? 0) + 1);
  for (let round = 0; round < sequences; round++) {
    const keys: Bearer[] = [];
    for (let index = 0; index < 4; index++) {
      const powers = makeRandomPowers(random);
      const strong = { ...makeVariant(random, powers), permissions: [...powers.permissions, "admin:keys"] };
      keys.push(await admin.makeKey({ ...makeWire(strong), alias: `round-${round}-${index}` }));
    }
    for (let step = 0; step < 7; step++) {
      const kind = random.pick(operations);
      const caller = random.pick(keys);
      const target = random.pick(keys);
      const mine = await getPowers(caller.id);
      const before = await getPowers(target.id);
      const base = random.integer(2) === 0 ? before : mine;
      const calls: Record<typeof kind, () => Promise<Answer>> = {
        create: () =>
          admin.send("POST", "/admin/api-keys", caller.text, pickSome(random, makeWire(makeVariant(random, mine)))),
        update: () =>
          admin.send("PATCH", `/admin/api-keys/${target.id}`, caller.text, {
            ...pickSome(random, makeWire(makeVariant(random, base))),
            ...(random.integer(4) === 0 ? { state: "active" } : {}),
          }),
        rotate: () => admin.send("POST", `/admin/api-keys/${target.id}/rotate`, caller.text, {}),
        transfer: () =>
          admin.send("PATCH", `/admin/api-keys/${target.id}`, caller.text, {
            owner_id: random.pick([null, "ann", "bob"]),
          }),
        bulk: () =>
          admin.send("POST", "/admin/api-keys/bulk", caller.text, { action: "enable", public_ids: [target.id] }),
        enable: () => admin.send("POST", `/admin/api-keys/${target.id}/enable`, caller.text),
        disable: () => admin.send("POST", `/admin/api-keys/${target.id}/disable`, caller.text),
      };
      const { status, body, text } = await calls[kind]();
      count(`${kind} ${status}`);
      expect([200, 201, 401, 403, 404, 409, 422], `seed ${random.seed}: ${kind}: ${text}`).toContain(status);
      const told = `seed ${random.seed}, round ${round}: ${kind} by ${JSON.stringify(makeWire(mine))}: ${text}`;
      if (status >= 300) {
        const isChanged = kind !== "create" && !isDeepStrictEqual(await getPowers(target.id), before);
        if (isChanged) violations.push(`refused, and changed: ${told}`);
        continue;
      }
      const id = kind === "create" ? String(body.public_id) : target.id;
      const after = await getPowers(id);
      const plaintext = typeof body.api_key === "string" ? body.api_key : null;
      const handsOut = kind === "create" || kind === "rotate";
      if (handsOut !== (plaintext !== null)) violations.push(`plaintext: ${told}`);
      if (plaintext !== null) keys.push({ id, text: plaintext });
      const given = findGiven(before, after);
      const enables = before.state !== "active" && after.state === "active";
      if (!handsOut && !enables && given.length === 0) continue;
      const keepsEnd =
        !handsOut && before.expiresAt?.getTime() === after.expiresAt?.getTime() && !given.includes("permissions");
      const beyond = findBeyond(after, mine).filter((field) => field !== "expires_at" || !keepsEnd);
      if (beyond.length > 0) violations.push(`${beyond.join(", ")}: ${told}`);
    }
  }
  console.info(`B2 over HTTP: seed ${random.seed}, ${sequences} sequences`, JSON.stringify(tally));
  expect(violations).toEqual([]);
  for (const [kind, status] of Object.entries({ create: 201, update: 200, rotate: 201, transfer: 200 })) {
    expect(tally[`${kind} ${status}`], `${kind}, accepted`).toBeGreaterThan(0);
    expect(tally[`${kind} 403`], `${kind}, refused`).toBeGreaterThan(0);
  }
  expect((tally["enable 200"] ?? 0) + (tally["bulk 200"] ?? 0)).toBeGreaterThan(0);
}, 900_000);

import { describe, expect, it } from "vitest";
import { findExcess, findExcessOfChange, type KeyPowers } from "../../../server/core/delegation.ts";
import { open } from "../../support/delegation-values.ts";

const usd = 1_000_000_000n;

/** What a parent has, what a child may have, what it may not. */
const table: [field: string, parent: Partial<KeyPowers>, within: Partial<KeyPowers>[], beyond: Partial<KeyPowers>[]][] =
  [
    [
      "permissions",
      { permissions: ["vec:*", "admin:keys"] },
      [{ permissions: [] }, { permissions: ["vec:read", "vec:*"] }, { permissions: ["admin:keys", "keys:verify"] }],
      [
        { permissions: ["*"] },
        { permissions: ["vec:read", "kev:read"] },
        { permissions: ["admin:*"] },
        { permissions: ["vecx:read"] },
      ],
    ],
    [
      "models",
      { models: ["openai::*", "gpt-*-mini", "!openai::o*"] },
      [
        { models: [] },
        { models: ["openai::gpt-5"] },
        { models: ["openai::*", "!openai::o*"] },
        { models: ["openai::g*", "gpt-5-mini"] },
        { models: ["openai::*", "!*o*"] },
      ],
      [
        { models: ["*"] },
        { models: ["openai::*"] },
        { models: ["openai::o1"] },
        { models: ["openai::*", "!openai::o1"] },
        { models: ["gpt-*"] },
        { models: ["openai:*"] },
      ],
    ],
    [
      "tags",
      { tags: { customer: "a" } },
      [{ tags: { customer: "a", more: "x" } }],
      [{ tags: {} }, { tags: { customer: "b" } }],
    ],
    [
      "budgets",
      { budgets: [{ limitNanoUsd: 5n * usd, period: "month", timezone: "Europe/Berlin" }] },
      [
        { budgets: [{ limitNanoUsd: 5n * usd, period: "month", timezone: "Europe/Berlin" }] },
        {
          budgets: [
            { limitNanoUsd: 99n * usd, period: "day" },
            { limitNanoUsd: 1n, period: "month", timezone: "Europe/Berlin" },
          ],
        },
      ],
      [
        { budgets: [] },
        { budgets: [{ limitNanoUsd: 5n * usd + 1n, period: "month", timezone: "Europe/Berlin" }] },
        { budgets: [{ limitNanoUsd: 1n, period: "month" }] },
        { budgets: [{ limitNanoUsd: 1n, period: "day" }] },
      ],
    ],
    [
      "rate_limits",
      { rateLimits: { requests_per_minute: 10 } },
      [{ rateLimits: { requests_per_minute: 10 } }, { rateLimits: { requests_per_minute: 0, tokens_per_day: 1 } }],
      [{ rateLimits: {} }, { rateLimits: { requests_per_minute: 11 } }, { rateLimits: { requests_per_hour: 1 } }],
    ],
    [
      "max_output_tokens",
      { maxOutputTokens: 10 },
      [{ maxOutputTokens: 10 }],
      [{ maxOutputTokens: null }, { maxOutputTokens: 11 }],
    ],
    [
      "expires_at",
      { expiresAt: new Date(5) },
      [{ expiresAt: new Date(5) }],
      [{ expiresAt: null }, { expiresAt: new Date(6) }],
    ],
    [
      "allowed_ips",
      { allowedIps: ["10.0.0.0/8", "2001:db8::/32"] },
      [{ allowedIps: ["10.1.0.0/16", "10.0.0.1"] }, { allowedIps: ["2001:db8:1::/48"] }],
      [
        { allowedIps: [] },
        { allowedIps: ["0.0.0.0/0"] },
        { allowedIps: ["10.0.0.0/7"] },
        { allowedIps: ["10.0.0.1", "11.0.0.1"] },
        { allowedIps: ["::/0"] },
      ],
    ],
    [
      "allowed_origins",
      { allowedOrigins: ["https://a.com", "https://*.b.com"] },
      [
        { allowedOrigins: ["https://a.com"] },
        { allowedOrigins: ["https://x.b.com", "https://*.y.b.com", "https://*.b.com"] },
      ],
      [
        { allowedOrigins: [] },
        { allowedOrigins: ["https://b.com"] },
        { allowedOrigins: ["http://x.b.com"] },
        { allowedOrigins: ["https://x.b.com:8443"] },
        { allowedOrigins: ["https://evilb.com"] },
        { allowedOrigins: ["https://*.com"] },
      ],
    ],
    ["owner_id", { ownerId: "me" }, [{ ownerId: "me" }], [{ ownerId: null }, { ownerId: "you" }]],
    [
      "provider_credentials",
      { permissions: ["admin:keys"], providerCredentials: { openai: "a" } },
      [{ permissions: [], providerCredentials: { openai: "a" } }],
      [
        { permissions: [], providerCredentials: {} },
        { permissions: [], providerCredentials: { openai: "b" } },
        { permissions: [], providerCredentials: { openai: "a", mistral: "c" } },
      ],
    ],
  ];

describe("findExcess", () => {
  it("the open parent may give anything", () => {
    for (const [, parent, within, beyond] of table) {
      for (const child of [parent, ...within, ...beyond]) expect(findExcess(open, { ...open, ...child })).toEqual([]);
    }
  });

  it.each(table)("%s", (field, parentPart, within, beyond) => {
    const parent = { ...open, ...parentPart };
    expect(findExcess(parent, parent)).toEqual([]);
    for (const child of within) expect([child, findExcess(parent, { ...parent, ...child })]).toEqual([child, []]);
    for (const child of beyond) expect([child, findExcess(parent, { ...parent, ...child })]).toEqual([child, [field]]);
  });

  it("names every field at once", () => {
    const parent = { ...open, permissions: [], models: [], ownerId: "me", maxOutputTokens: 1 };
    expect(findExcess(parent, open)).toEqual(["permissions", "models", "max_output_tokens", "owner_id"]);
  });
});

describe("findExcessOfChange", () => {
  const weak: KeyPowers = { ...open, permissions: ["admin:keys"], expiresAt: new Date(5) };
  const strong: KeyPowers = { ...open, allowedIps: ["10.0.0.0/8"] };

  it("whoever only takes away needs no power", () => {
    expect(findExcessOfChange(weak, strong, strong, false)).toEqual([]);
    expect(findExcessOfChange(weak, strong, { ...strong, permissions: [], maxOutputTokens: 5 }, false)).toEqual([]);
  });

  it("a weak key neither loosens nor enables a strong one", () => {
    expect(findExcessOfChange(weak, strong, { ...strong, allowedIps: [] }, false)).toEqual(["permissions"]);
    expect(findExcessOfChange(weak, strong, strong, true)).toEqual(["permissions"]);
    expect(findExcessOfChange(weak, strong, { ...strong, providerCredentials: { openai: "x" } }, false)).toEqual([
      "permissions",
      "provider_credentials",
    ]);
  });

  it("an end that stays counts not; one that moves beyond the caller does", () => {
    const child = { ...weak, expiresAt: new Date(9), maxOutputTokens: 5 };
    expect(findExcessOfChange(weak, child, { ...child, maxOutputTokens: 6 }, false)).toEqual([]);
    expect(findExcessOfChange(weak, child, { ...child, expiresAt: new Date(10) }, false)).toEqual(["expires_at"]);
    expect(findExcessOfChange(weak, child, { ...child, expiresAt: new Date(8) }, false)).toEqual([]);
  });

  it("another owner and other tags are given, even where the key gets no more by them", () => {
    const mine = { ...strong, ownerId: null };
    expect(findExcessOfChange(weak, mine, { ...mine, ownerId: "you" }, false)).toEqual(["permissions"]);
    expect(findExcessOfChange(weak, mine, { ...mine, tags: { customer: "you" } }, false)).toEqual(["permissions"]);
    expect(findExcessOfChange(open, mine, { ...mine, ownerId: "you", tags: { customer: "you" } }, false)).toEqual([]);
  });

  it("permissions are not given to a key that outlives the caller; room in limits is", () => {
    const child: KeyPowers = { ...weak, permissions: ["ai:inference"], models: ["a"], expiresAt: new Date(9) };
    const caller: KeyPowers = { ...weak, permissions: ["admin:keys", "ai:*"] };
    expect(findExcessOfChange(caller, child, { ...child, models: ["*"] }, false)).toEqual([]);
    expect(findExcessOfChange(caller, child, { ...child, permissions: ["ai:*"] }, false)).toEqual(["expires_at"]);
    const shorter = { ...child, permissions: ["ai:*"], expiresAt: new Date(5) };
    expect(findExcessOfChange(caller, child, shorter, false)).toEqual([]);
  });
});

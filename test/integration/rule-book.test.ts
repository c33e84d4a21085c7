import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiKey } from "../../server/core/api-key.ts";
import { budgetRuleSchema, parseBudgetRule } from "../../server/core/budget-rule.ts";
import { configRuleSchema, parseConfigRule } from "../../server/core/limit-rule.ts";
import { openKeyChannel } from "../../server/keys/key-channel.ts";
import { RuleBook } from "../../server/limits/rule-book.ts";
import { openClock } from "../../server/platform/clock.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { waitUntil } from "../support/wait-until.ts";

let harness: AdminHarness;
beforeAll(async () => {
  harness = await openAdminHarness();
});
afterAll(() => harness.close());

const key = { publicId: "k3x9q2m7a1bc", ownerId: "ada", tags: {} } as unknown as ApiKey;
const call = { key, model: "gpt", clientIp: "192.0.2.1", origin: null, requestTags: {} };

interface Process {
  book: RuleBook;
  lines: string[];
  /** Whether changes are heard. */
  trust: { isGood: boolean };
  close(): Promise<void>;
}

const opened: Process[] = [];
afterAll(async () => {
  for (const one of opened) await one.close();
});

/** What a gateway process has: a book, and, unless it is deaf, a channel. */
async function openProcess(
  options: { isDeaf?: boolean; rules?: unknown[]; budgets?: unknown[]; enabled?: boolean } = {},
): Promise<Process> {
  const { database } = harness.test;
  const clock = openClock();
  const lines: string[] = [];
  const logger = openLogger({ level: "warn", pretty: false, access: false }, { write: (line) => lines.push(line) });
  const book = new RuleBook({
    database,
    clock,
    logger,
    config: {
      rateLimiting: {
        enabled: options.enabled ?? true,
        trustRequestTags: false,
        rules: (options.rules ?? []).map((rule) => parseConfigRule(configRuleSchema.parse(rule))),
      },
      budgets: (options.budgets ?? []).map((budget) => parseBudgetRule(budgetRuleSchema.parse(budget))),
    },
  });
  const channel =
    options.isDeaf === true
      ? null
      : await openKeyChannel({
          database,
          clock,
          process: `test-${opened.length}-${Math.random().toString(36).slice(2)}`,
          onChange: () => undefined,
          onCut: () => undefined,
          listRunning: () => [],
          onImported: () => undefined,
          onBudgetPressure: () => undefined,
          onCredentials: () => undefined,
          onRules: () => book.noticeChange(),
          onPrices: () => undefined,
          onReload: () => undefined,
          onState: () => undefined,
        });
  const trust = { isGood: options.isDeaf !== true };
  await book.open({ trustedUntilMs: () => (trust.isGood ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY) });
  const one = {
    book,
    lines,
    trust,
    async close() {
      await book.close();
      await channel?.close();
    },
  };
  opened.push(one);
  return one;
}

const limitsOf = ({ book }: Process) => book.findBuckets(call).map(({ limit }) => `${limit.name}=${limit.limit}`);

describe("rules that admins add", () => {
  it("hold on every process within a second, when added, changed and deleted", async () => {
    const processes = [await openProcess(), await openProcess()];
    const versions = processes.map(({ book }) => book.version);
    const within = async (expected: string[]) => {
      const startedAt = performance.now();
      await waitUntil(
        () => processes.every((one) => limitsOf(one).join() === expected.join()),
        "the rules hold",
        5_000,
      );
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    };
    const { id } = await harness.system.rules.create({ priority: 1, limits: { requests_per_minute: 5 } });
    await within(["requests_per_minute=5"]);
    await harness.system.rules.update({ rule_id: id, limits: { cost_per_day: "1.5" } });
    await within(["cost_per_day=1500000000"]);
    await harness.system.rules.delete({ rule_id: id });
    await within([]);
    processes.forEach(({ book }, index) => expect(book.version).toBeGreaterThan(versions[index] ?? 0));
  });

  it("a row that is typed by hand is heard too, and one that nobody can read is told and left out", async () => {
    const one = await openProcess();
    await harness.test.database.sql`
      insert into limit_rule (id, kind, body, created_by) values
        ('rule_good', 'rate', '{"always": true, "limits": {"tokens_per_day": 9}}', 'psql'),
        ('rule_bad', 'rate', '{"always": true, "limits": {"apples_per_day": 9}}', 'psql')`;
    await waitUntil(() => limitsOf(one).join() === "tokens_per_day=9", "the rules hold", 5_000);
    expect(one.lines.filter((line) => line.includes("rule_bad"))).not.toEqual([]);
    await harness.test.database.sql`truncate limit_rule`;
    await waitUntil(() => limitsOf(one).length === 0, "the rules hold", 5_000);
    expect(limitsOf(one)).toEqual([]);
  });

  it("hold within ten seconds where the channel is down", async () => {
    const one = await openProcess({ isDeaf: true });
    const { id } = await harness.system.rules.create({ priority: 1, limits: { requests_per_minute: 5 } });
    const startedAt = performance.now();
    await waitUntil(() => limitsOf(one).length === 1, "the rules hold", 10_000);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    one.trust.isGood = true;
    await harness.system.rules.delete({ rule_id: id });
  });
});

describe("rules of the config file", () => {
  const rules = [{ priority: 0, requests_per_hour: 7 }];

  it("stand beside those that are stored: the highest priority of both wins", async () => {
    const one = await openProcess({ rules });
    expect(limitsOf(one)).toEqual(["requests_per_hour=7"]);
    const { id } = await harness.system.rules.create({ priority: 0, limits: { requests_per_day: 8 } });
    await waitUntil(() => limitsOf(one).length === 2, "the rules hold", 5_000);
    await harness.system.rules.update({ rule_id: id, priority: 1 });
    await waitUntil(() => limitsOf(one).join() === "requests_per_day=8", "the rules hold", 5_000);
    expect(limitsOf(one)).toEqual(["requests_per_day=8"]);
    await harness.system.rules.delete({ rule_id: id });
  });

  it("enabled = false: told, and nothing is enforced, stored rules neither", async () => {
    const { id } = await harness.system.rules.create({ always: true, limits: { requests_per_day: 8 } });
    const one = await openProcess({ rules, enabled: false });
    expect(limitsOf(one)).toEqual([]);
    expect(one.lines.join()).toContain("no rate rule is enforced");
    await harness.system.rules.delete({ rule_id: id });
  });
});

describe("budgets", () => {
  const termsOf = ({ book }: Process) => book.findBudgets(key);

  it("have terms whose version grows with every change, that of the config file too", async () => {
    const first = await openProcess({ budgets: [{ limit_usd: 5, period: "month" }] });
    const before = termsOf(first)[0];
    expect(before).toMatchObject({ level: "deployment", subject: "", limitNanoUsd: 5_000_000_000n, anchorMs: 0 });
    // A process that starts with another file: its terms win, also after the first one reads again.
    const second = await openProcess({ budgets: [{ limit_usd: 6, period: "month" }] });
    expect(termsOf(second)[0]?.version).toBeGreaterThan(before?.version ?? 0);
    const { id } = await harness.system.budgets.create({
      limit_usd: "2",
      period: "7d",
      scope: { owner_id: "tensorzero::each" },
    });
    await waitUntil(() => termsOf(first).length === 2 && termsOf(second).length === 2, "the rules hold", 5_000);
    const versionOf = (one: Process) => termsOf(one)[0]?.version ?? 0;
    expect(versionOf(second)).toBeGreaterThan(versionOf(first));
    const owner = termsOf(second).find(({ level }) => level === "owner");
    expect(owner).toMatchObject({ subject: "ada", limitNanoUsd: 2_000_000_000n, period: "7d" });
    expect(Math.abs((owner?.anchorMs ?? 0) - Date.now())).toBeLessThan(60_000);
    const earlier = versionOf(second);
    await harness.system.budgets.update({ budget_id: id, limit_usd: "3" });
    await waitUntil(() => versionOf(second) > earlier, "the rules hold", 5_000);
    const changed = termsOf(second).find(({ level }) => level === "owner");
    expect([changed?.limitNanoUsd, changed?.anchorMs]).toEqual([3_000_000_000n, owner?.anchorMs]);
  });
});

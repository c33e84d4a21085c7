import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { LiveKey } from "../../../db/queries/list-live-keys.ts";
import { budgetRuleSchema, parseBudgetRule } from "../../../server/core/budget-rule.ts";
import { configRuleSchema, parseConfigRule } from "../../../server/core/limit-rule.ts";
import { makeBudgetEffect, makeRuleEffect, previewLimit } from "../../../server/limits/preview-limit.ts";

type Rule = Partial<z.input<typeof configRuleSchema>>;
type Budget = Partial<z.input<typeof budgetRuleSchema>> & { anchorMs?: number };

function makeKey(more: Partial<LiveKey> = {}): LiveKey {
  return { publicId: "k3x9q2m7a1bc", alias: "one", ownerId: null, tags: {}, ...more } as LiveKey;
}

const parseRule = (rule: Rule) => parseConfigRule(configRuleSchema.parse({ requests_per_minute: 1, ...rule }));
function ruleEffect(rule: Rule, others: Record<string, Rule>, key: Partial<LiveKey> = {}, trust = false) {
  const parsed = new Map(Object.entries(others).map(([id, other]) => [id, parseRule(other)]));
  return makeRuleEffect(parseRule(rule), parsed, trust)(makeKey(key));
}

function parseBudget({ anchorMs = 0, ...budget }: Budget) {
  return { ...parseBudgetRule(budgetRuleSchema.parse({ limit_usd: 5, period: "month", ...budget })), anchorMs };
}
function budgetEffect(budget: Budget, others: Record<string, Budget>, key: Partial<LiveKey> = {}) {
  const parsed = new Map(Object.entries(others).map(([id, other]) => [id, parseBudget(other)]));
  return makeBudgetEffect(parseBudget(budget), parsed)(makeKey(key));
}

const each = "tensorzero::each";
const gold = { tag_key: "tier", tag_value: "gold" };

describe("what a rate rule would do to a key", () => {
  it("nothing where the key alone decides that none of its calls match", () => {
    expect(ruleEffect({ priority: 1, scope: [gold] }, {})).toBeNull();
    expect(ruleEffect({ priority: 1, scope: [{ owner_id: each }] }, {})).toBeNull();
    expect(ruleEffect({ priority: 1, scope: [gold, { model: "gpt" }] }, {}, { tags: { tier: "iron" } })).toBeNull();
  });

  it("holds where some call may match: of a model, or with a tag that a client sends and is trusted", () => {
    expect(ruleEffect({ priority: 1, scope: [{ model: "gpt-*" }] }, {})).toMatchObject({ holds: true });
    expect(ruleEffect({ priority: 1, scope: [gold] }, {}, {}, true)).toMatchObject({ holds: true });
  });

  it("takes over from lower priorities that match, stands beside the same one and beside always", () => {
    const others = {
      low: { priority: 0 },
      model: { priority: 1, scope: [{ model: "gpt" }] },
      same: { priority: 2 },
      always: { always: true },
      absent: { priority: 0, scope: [gold] },
    };
    // `same` alone has taken over from all below it already.
    expect(ruleEffect({ priority: 2 }, others)).toEqual({ holds: true, takesOver: [], yieldsTo: [] });
    const { same: _, ...rest } = others;
    expect(ruleEffect({ priority: 2 }, rest)).toEqual({ holds: true, takesOver: ["low", "model"], yieldsTo: [] });
    expect(ruleEffect({ always: true }, rest)).toEqual({ holds: true, takesOver: [], yieldsTo: [] });
  });

  it("yields to higher ones: to one for all calls it does not hold at all, to one for a model it holds beside", () => {
    expect(ruleEffect({ priority: 1 }, { high: { priority: 2 } })).toEqual({
      holds: false,
      takesOver: [],
      yieldsTo: ["high"],
    });
    expect(ruleEffect({ priority: 1 }, { model: { priority: 2, scope: [{ model: "gpt" }] } })).toEqual({
      holds: true,
      takesOver: [],
      yieldsTo: ["model"],
    });
  });
});

describe("what a budget would do to a key", () => {
  it("nothing without the owner or the tag", () => {
    expect(budgetEffect({ scope: { owner_id: each } }, {})).toBeNull();
    expect(budgetEffect({ scope: gold }, {}, { tags: { tier: "iron" } })).toBeNull();
  });

  it("takes over from one for each, yields to one that names the subject and to a smaller one", () => {
    const ada = { ownerId: "ada" };
    const forEach = { each: { scope: { owner_id: each } } };
    expect(budgetEffect({ limit_usd: 9, scope: { owner_id: "ada" } }, forEach, ada)).toEqual({
      holds: true,
      takesOver: ["each"],
      yieldsTo: [],
    });
    const named = { named: { limit_usd: 9, scope: { owner_id: "ada" } } };
    expect(budgetEffect({ scope: { owner_id: each } }, named, ada)).toEqual({
      holds: false,
      takesOver: [],
      yieldsTo: ["named"],
    });
    expect(budgetEffect({ limit_usd: 10 }, { all: {} })).toMatchObject({ holds: false, yieldsTo: ["all"] });
    expect(budgetEffect({ limit_usd: 1 }, { all: {} })).toMatchObject({ holds: true, takesOver: ["all"] });
  });

  it("stands beside another period, another zone, and days that are counted from another instant", () => {
    for (const other of [{ period: "day" }, { timezone: "Asia/Tokyo" }]) {
      expect(budgetEffect({ limit_usd: 1 }, { other })).toEqual({ holds: true, takesOver: [], yieldsTo: [] });
    }
    const counted = { period: "30d", anchorMs: 1 };
    expect(budgetEffect({ ...counted, limit_usd: 1 }, { other: { ...counted, anchorMs: 2 } })?.takesOver).toEqual([]);
    expect(budgetEffect({ ...counted, limit_usd: 1 }, { other: counted })?.takesOver).toEqual(["other"]);
  });
});

describe("all keys", () => {
  async function* makePages(count: number) {
    for (let first = 0; first < count; first += 7) {
      yield Array.from({ length: Math.min(7, count - first) }, (_, index) =>
        makeKey({ alias: `key-${first + index}`, ownerId: (first + index) % 2 === 0 ? "ada" : null }),
      );
    }
  }
  const effect = makeRuleEffect(
    parseRule({ priority: 1, scope: [{ owner_id: "ada" }] }),
    new Map([
      ["low", parseRule({ priority: 0 })],
      ["part", parseRule({ priority: 2, scope: [{ model: "gpt" }] })],
    ]),
    false,
  );

  it("counts all, names the first ten, and says how many are met by each other rule", async () => {
    const found = await previewLimit(effect, makePages(60), 60);
    expect(found.keys.map(({ alias }) => alias)).toEqual(Array.from({ length: 10 }, (_, at) => `key-${at * 2}`));
    expect([found.keysTotal, found.isComplete]).toEqual([30, true]);
    expect([[...found.takesOver], [...found.yieldsTo]]).toEqual([[["low", 30]], [["part", 30]]]);
  });

  it("says that it has not looked at all", async () => {
    expect(await previewLimit(effect, makePages(60), 59)).toMatchObject({ keysTotal: 30, isComplete: false });
    expect(await previewLimit(effect, makePages(0), 59)).toMatchObject({ keysTotal: 0, isComplete: true });
  });
});

import { describe, expect, test } from "vitest";
import { makeOrder } from "../../../server/proxy/dispatch-order.ts";
import { makeTarget } from "../../support/scripted-request.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";

const weights: Readonly<Record<string, number>> = { a: 6, b: 3, c: 1, spare: 0 };
const targets = Object.entries(weights).map(([providerName, weight]) =>
  makeTarget("http://127.0.0.1:1", { providerName, weight }),
);
const draws = 20_000;

function share(firsts: readonly (string | undefined)[], name: string): number {
  return firsts.filter((first) => first === name).length / firsts.length;
}

describe.each(["chance", "conversation"] as const)("by %s", (how) => {
  const random = makeSeededRandom();
  const orders = Array.from({ length: draws }, (_, index) =>
    makeOrder(targets, how === "chance" ? null : `key\n${random.seed}\n${index}`, () => random.next()).map(
      ({ providerName }) => providerName,
    ),
  );

  test("each target is first as often as its weight says, and all are in each order", () => {
    for (const [name, weight] of Object.entries(weights)) {
      // Four standard deviations of a share of 0.6 in 20,000 draws are 0.014.
      expect([
        name,
        Math.abs(
          share(
            orders.map(([first]) => first),
            name,
          ) -
            weight / 10,
        ) < 0.015,
      ]).toEqual([name, true]);
    }
    expect(orders.every((order) => order.length === 4 && new Set(order).size === 4)).toBe(true);
    expect(orders.every((order) => order[3] === "spare")).toBe(true);
  });

  test("behind the first the others keep their proportion", () => {
    const seconds = orders.filter(([first]) => first === "a").map(([, second]) => second);
    expect(Math.abs(share(seconds, "b") - 0.75)).toBeLessThan(0.02);
  });
});

import { describe, expect, it } from "vitest";
import { findEpisodeId, findFunction } from "../../../../server/proxy/surfaces/tensorzero/routed-function.ts";

const variant = (name: string, weight: number) => ({ name, model: name, weight, systemText: null, defaults: {} });
const makeFunctions = (...weights: number[]) =>
  new Map([
    [
      "f",
      {
        name: "f",
        type: "chat" as const,
        outputSchema: null,
        variants: weights.map((weight, at) => variant(`v${at}`, weight)),
      },
    ],
  ]);

function choose(functions: ReturnType<typeof makeFunctions>, episode: string, name: string | null = null): string {
  const found = findFunction(functions, "f", name, episode, "function_name");
  return "code" in found ? found.message : found.variant.name;
}

describe("the variant of a function", () => {
  it("is chosen by weight, and the same for one episode", () => {
    const functions = makeFunctions(3, 0, 1);
    const chooseAll = () => Array.from({ length: 4_000 }, (_, episode) => choose(functions, String(episode)));
    const names = chooseAll();
    expect(chooseAll().join()).toBe(names.join());
    expect([...new Set(names)].toSorted()).toEqual(["v0", "v2"]);
    expect(Math.abs(names.filter((name) => name === "v0").length - 3_000)).toBeLessThan(150);
  });

  it("may be asked for by name, also without a weight", () => {
    expect(choose(makeFunctions(1, 0), "e", "v1")).toBe("v1");
    expect(choose(makeFunctions(1), "e", "none")).toBe("Unknown variant: none");
    expect(choose(makeFunctions(0), "e")).toBe("The function f has no variant with a weight.");
  });
});

describe("an episode", () => {
  it("is the client's, or a new one", () => {
    const given = "01A216BB-c298-7bcf-9a2f-9a2f30ce9440";
    expect(findEpisodeId(given, "episode_id", () => "new")).toBe(given.toLowerCase());
    expect(findEpisodeId(null, "episode_id", () => "new")).toBe("new");
    for (const bad of ["", 1, "01a216bb-c298-4bcf-9a2f-9a2f30ce9440"])
      expect(findEpisodeId(bad, "episode_id", () => "new")).toMatchObject({ param: "episode_id" });
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRequestTags } from "../../../server/proxy/request-tags.ts";
import { readJson } from "../../support/read-json.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";

const { seed } = makeSeededRandom();

type Tags = Record<string, string>;
type Parse = (sources: { body: Tags; tensorZero: Tags; header: Tags }, keyTags: Tags) => string | object;

const name = fc.oneof(
  fc.constantFrom("customer_id", "project_id", "a", "b", "__proto__", "constructor", "tostring", "x.y-z:1"),
  fc.stringMatching(/^[a-z0-9_.-]{1,12}$/),
);
const text = fc.stringMatching(/^[A-Za-z0-9 _.=-]{0,12}$/).map((value) => value.trim());
/** Without a prototype, so that `__proto__` is a name like any other. */
const tags: fc.Arbitrary<Tags> = fc
  .array(fc.tuple(name, text), { maxLength: 6 })
  .map((entries) => Object.assign(Object.create(null) as Tags, makeTags(entries)));

function makeTags(entries: [string, string][]): Tags {
  const made: Tags = Object.create(null) as Tags;
  for (const [tag, value] of entries) made[tag] = value;
  return made;
}

const parseProduct: Parse = ({ body, tensorZero, header }, keyTags) => {
  const pairs = Object.entries(header).map(([tag, value]) => `${tag}=${value}`);
  const json = { tags: body, "tensorzero::tags": tensorZero };
  return parseRequestTags(json, pairs.length === 0 ? undefined : pairs.join(","), keyTags);
};

/** Every request tag must be stored but those that the key binds: those never, from wherever they come. */
function checkTags(parse: Parse, runs: number) {
  const cases = fc.record({ body: tags, tensorZero: tags, header: tags, keyTags: tags, aims: fc.boolean() });
  let overlaps = 0;
  const details = fc.check(
    fc.property(cases, ({ keyTags, aims, ...sources }) => {
      const stolen = makeTags(Object.keys(keyTags).map((tag) => [tag, "stolen"]));
      const sent = aims
        ? {
            body: { ...sources.body, ...stolen },
            tensorZero: { ...stolen, ...sources.tensorZero },
            header: { ...sources.header, ...stolen },
          }
        : sources;
      const all = Object.values(sent).map((set) => makeTags(Object.entries(set)));
      const answer = parse({ body: all[0] ?? {}, tensorZero: all[1] ?? {}, header: all[2] ?? {} }, keyTags);
      if (typeof answer !== "string") return false;
      const stored = new Map(Object.entries(answer === "" ? {} : (readJson(answer) as Tags)));
      const names = new Set(all.flatMap((set) => Object.keys(set)));
      if (Object.keys(keyTags).some((tag) => names.has(tag))) overlaps++;
      if (Object.keys(keyTags).some((tag) => stored.has(tag))) return false;
      return [...names].every((tag) => stored.has(tag) || Object.keys(keyTags).includes(tag));
    }),
    { seed, numRuns: runs },
  );
  return { failed: details.failed, runs: details.numRuns, overlaps };
}

describe("tags of a request", () => {
  it("never stand under a name that the key binds, whether body, TensorZero's field or header sent them", () => {
    const runs = 20_000;
    const found = checkTags(parseProduct, runs);
    console.info(`tags seed ${seed}: ${JSON.stringify(found)}`);
    expect(found).toMatchObject({ failed: false, runs });
    expect(found.overlaps).toBeGreaterThan(runs / 4);
  });

  it("never stand under such a name whatever their texts, also those that are refused", () => {
    const tagName = fc.stringMatching(/^[a-z0-9_.:-]{1,16}$/).filter((text) => !text.startsWith("key::"));
    const values = fc.string({ maxLength: 10 });
    fc.assert(
      fc.property(fc.dictionary(tagName, values, { maxKeys: 5 }), fc.dictionary(tagName, values), (bound, sent) => {
        const result = parseRequestTags({ tags: { ...sent, ...bound } }, undefined, bound);
        if (typeof result !== "string" || result === "") return;
        for (const key of Object.keys(readJson(result) as Tags)) expect(Object.hasOwn(bound, key)).toBe(false);
      }),
      { seed, numRuns: 300 },
    );
  });

  it.each<[string, Parse]>([
    ["merges all", ({ body, tensorZero, header }) => JSON.stringify({ ...header, ...body, ...tensorZero })],
    [
      "forgets the header",
      ({ header, ...rest }, keyTags) => {
        const kept = parseProduct({ ...rest, header: {} }, keyTags);
        return JSON.stringify({ ...header, ...(typeof kept === "string" && kept !== "" ? JSON.parse(kept) : {}) });
      },
    ],
    ["drops everything", () => ""],
  ])("a parser that %s is found out", (_what, parse) => {
    expect(checkTags(parse, 500).failed).toBe(true);
  });
});

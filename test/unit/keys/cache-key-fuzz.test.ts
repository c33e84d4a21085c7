import { createHash } from "node:crypto";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { defaultKeyPrefixes } from "../../../server/core/key-format.ts";
import { makeAuthenticate } from "../../../server/keys/authenticate.ts";
import { makeFindKey } from "../../../server/keys/find-key.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { makeSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

/** BARS.md B7. */
const pairCount = 1_000_000;

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Under which entry of the cache a text is looked up; `null` where the cache is not asked. */
type FindCacheKey = (text: string) => string | null;

/** The product's own: what authentication asks the cache for. */
function makeProductKey(): FindCacheKey {
  let asked: string | null = null;
  const findKey = makeFindKey({
    cache: {
      findHeld: (digest) => {
        asked = digest;
        return null;
      },
      load: () => Promise.resolve(null),
    },
    prefixes: defaultKeyPrefixes,
    peppers: [],
    imported: { has: () => true },
  });
  const authenticate = makeAuthenticate({ findKey, clock: openClock() });
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = ["Authorization", ""];
  return (text) => {
    asked = null;
    request.rawHeaders[1] = `Bearer ${text}`;
    void authenticate(request, "bearer");
    return asked;
  };
}

function makeText(random: SeededRandom, length: number): string {
  let text = "";
  for (let index = 0; index < length; index++) text += alphabet[random.integer(62)];
  return text;
}

const replaceAt = (text: string, at: number, part: string): string =>
  text.slice(0, at) + part + text.slice(at + part.length);

/** Each makes a text that differs from the given one, and is equal to it in what a careless cache would go by. */
const twins: Record<string, (text: string, random: SeededRandom) => string> = {
  first: (text, random) => {
    const kept = 1 + random.integer(text.length - 1);
    return text.slice(0, kept) + makeText(random, text.length - kept);
  },
  last: (text, random) => {
    const kept = 1 + random.integer(text.length - 1);
    return makeText(random, text.length - kept) + text.slice(text.length - kept);
  },
  both: (text, random) => replaceAt(text, random.integer(text.length), alphabet.charAt(random.integer(62))),
  length: (text, random) => makeText(random, text.length),
  longer: (text, random) => text + makeText(random, 1 + random.integer(20)),
  case: (text, random) => {
    const at = random.integer(text.length);
    const letter = text.charAt(at);
    return replaceAt(text, at, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());
  },
  lower: (text) => text.toLowerCase(),
  swapped: (text, random) => {
    const at = random.integer(text.length - 1);
    return replaceAt(text, at, text.charAt(at + 1) + text.charAt(at));
  },
  padded: (text, random) => random.pick([`${text}=`, `${text}==`, `${text}.`, `${text}%20`, `${text}+`]),
  space: (text, random) => random.pick([`${text} `, ` ${text}`, `${text}\t`, `${text}\u00a0`]),
  wide: (text, random) => {
    const at = random.integer(text.length);
    return replaceAt(text, at, String.fromCharCode(text.charCodeAt(at) + 0xfee0));
  },
  alike: (text, random) =>
    `${text}${random.pick(["\u0430", "\u212a", "\u017f", "\u0131", "\u200b", "\ufeff", "\u00ad"])}`,
};

/** Texts of which no one is ASCII, and that are one in another form. */
const foreignPairs: readonly (readonly [string, string])[] = [
  ["\u00e9", "e\u0301"],
  ["\u212b", "\u00c5"],
  ["\ufb01", "fi"],
  ["\u1e9b\u0323", "\u1e69"],
  ["\ud800", "\ud801"],
  ["\ud800", "\ufffd"],
  ["\u00df", "ss"],
];

interface Found {
  pairs: number;
  /** Pairs of which both were looked up. */
  compared: number;
  shared: number;
  /** Keys that are not the whole SHA-256 of the text. */
  partial: number;
}

function runPairs(findCacheKey: FindCacheKey, random: SeededRandom, count: number): Found {
  const found: Found = { pairs: 0, compared: 0, shared: 0, partial: 0 };
  const kinds = Object.keys(twins);
  while (found.pairs < count) {
    const base = random.pick(["dev_", "prod_", "client_", "sk-t0-", ""]) + makeText(random, 8 + random.integer(60));
    const foreign = random.integer(10) === 0 ? random.pick(foreignPairs) : null;
    const one = foreign === null ? base : base + foreign[0];
    const other = foreign === null ? (twins[random.pick(kinds)]?.(base, random) ?? base) : base + foreign[1];
    if (one === other) continue;
    found.pairs++;
    const keys = [findCacheKey(one), findCacheKey(other)];
    if (found.pairs % 20 === 0) {
      const [key] = keys;
      if (key != null && key !== createHash("sha256").update(one).digest("hex")) found.partial++;
    }
    if (keys[0] == null || keys[1] == null) continue;
    found.compared++;
    if (keys[0] === keys[1]) found.shared++;
  }
  return found;
}

test("no two of a million pairs of texts that are alike share an entry of the key cache", () => {
  const random = makeSeededRandom();
  const found = runPairs(makeProductKey(), random, pairCount);
  console.info(`B7 seed ${random.seed}: ${JSON.stringify(found)}`);
  expect(found).toMatchObject({ pairs: pairCount, shared: 0, partial: 0 });
  expect(found.compared).toBeGreaterThan(pairCount / 2);
}, 300_000);

test.each<[string, FindCacheKey]>([
  ["the first characters", (text) => text.slice(0, 20)],
  ["the last characters", (text) => text.slice(-12)],
  ["the length", (text) => String(text.length)],
  ["the text without case", (text) => text.toLowerCase()],
  ["the text in one form of Unicode", (text) => text.normalize("NFKC")],
  ["the trimmed text", (text) => text.trim()],
  ["a short digest", (text) => createHash("sha256").update(text).digest("hex").slice(0, 2)],
  ["the bytes of the text, whatever it is", (text) => createHash("sha256").update(text).digest("hex")],
])("a cache that went by %s is found out", (_what, findCacheKey) => {
  expect(runPairs(findCacheKey, makeSeededRandom(7), 20_000).shared).toBeGreaterThan(0);
});

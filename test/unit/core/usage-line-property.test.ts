import fc from "fast-check";
import { expect, test } from "vitest";
import type { PublicId } from "../../../server/core/api-key.ts";
import { makeEventId } from "../../../server/core/id.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { makeCloseLine, makeOpenLine, parseCloseLine, parseOpenLine } from "../../../server/core/usage-line.ts";
import { anyCharacter } from "../../support/any-character.ts";

const count = fc.nat(Number.MAX_SAFE_INTEGER);
const plain = fc.string({ maxLength: 30 }).map((text) => text.replace(/[\t\n\r]/g, ""));
const tags = fc.oneof(
  fc.constant(""),
  fc.dictionary(fc.string(), fc.string({ unit: anyCharacter })).map((set) => JSON.stringify(set)),
);
const money = fc.bigInt({ min: 0n, max: 2n ** 62n });

const event: fc.Arbitrary<UsageEvent> = fc
  .record({
    atMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    random: fc.uint8Array({ minLength: 10, maxLength: 10 }),
    publicId: fc.stringMatching(/^[0-9a-z]{12}$/).map((text) => text as PublicId),
    ownerId: plain,
    keyTags: tags,
    requestTags: tags,
    model: plain,
    provider: plain,
    endpoint: fc.constantFrom("chat_completions", "embeddings"),
    status: fc.integer({ min: 100, max: 599 }),
    code: fc.constantFrom("", "upstream_error"),
    stream: fc.boolean(),
    attempts: fc.nat(9),
    usageSource: fc.constantFrom("reported" as const, "estimated" as const, "reserved" as const),
    reservedNanoUsd: money,
    costNanoUsd: fc.option(money),
    priceId: plain,
    latencyMs: count,
    firstTokenMs: fc.integer({ min: -1, max: 1e9 }),
    bytesIn: count,
    bytesOut: count,
    clientIp: plain,
    origin: plain,
    budgetWindows: fc.constantFrom(
      "",
      "key/abcdefghijkl/30d/1795651200000",
      "key/a/day/0,owner/b%2C/month@Europe%2FParis/1",
    ),
  })
  .chain((some) =>
    fc
      .record({
        inputTokens: count,
        cachedInputTokens: count,
        cacheWriteTokens: count,
        hourCacheWriteTokens: count,
        outputTokens: count,
        reasoningTokens: count,
        inputAudioTokens: count,
        outputAudioTokens: count,
      })
      .map((tokens) => {
        const { random, ...rest } = some;
        return { id: makeEventId(some.atMs, random, 0), ...rest, ...tokens };
      }),
  );

/** Beginning and end, as recovery joins them. */
function readBack(written: UsageEvent): UsageEvent | null {
  const begun = parseOpenLine(makeOpenLine(written));
  const ended = parseCloseLine(makeCloseLine(written));
  return begun === null || ended === null ? null : { ...begun, ...ended };
}

test("an event is read back as it was written, from two lines", () => {
  fc.assert(
    fc.property(event, (written) => {
      expect(makeOpenLine(written) + makeCloseLine(written)).not.toMatch(/[\n\r]/);
      expect(readBack(written)).toEqual(written);
    }),
    { numRuns: 2_000 },
  );
}, 60_000);

test("unpriced is not zero", () => {
  const [written] = fc.sample(event, 1) as [UsageEvent];
  expect(readBack({ ...written, costNanoUsd: null })?.costNanoUsd).toBeNull();
  expect(readBack({ ...written, costNanoUsd: 0n })?.costNanoUsd).toBe(0n);
  expect(parseOpenLine(makeOpenLine({ ...written, costNanoUsd: null }))?.costNanoUsd).toBeNull();
  expect(parseOpenLine(makeOpenLine({ ...written, costNanoUsd: 1n }))?.costNanoUsd).toBe(written.reservedNanoUsd);
});

test("the end of a call that an older release wrote has nothing that is cached for an hour", () => {
  const [written] = fc.sample(event, 1) as [UsageEvent];
  const line = makeCloseLine(written);
  const old = [...line.split("\t").slice(0, -2), "."].join("\t");
  expect(parseCloseLine(old)).toEqual({ ...parseCloseLine(line), hourCacheWriteTokens: 0 });
});

test("tabs and line ends in a field become spaces and harm no other field", () => {
  const [written] = fc.sample(event, 1) as [UsageEvent];
  const hostile = "a\tb\nc\rd";
  const read = readBack({
    ...written,
    ownerId: hostile,
    model: hostile,
    provider: hostile,
    priceId: hostile,
    clientIp: hostile,
    origin: hostile,
  });
  const clean = "a b c d";
  expect(read).toEqual({
    ...written,
    ownerId: clean,
    model: clean,
    provider: clean,
    priceId: clean,
    clientIp: clean,
    origin: clean,
  });
});

test("a line cut anywhere is no event", () => {
  for (const written of fc.sample(event, 20)) {
    const pairs = [
      [makeOpenLine(written), parseOpenLine],
      [makeCloseLine(written), parseCloseLine],
    ] as const;
    for (const [line, parse] of pairs) {
      for (let length = 0; length < line.length; length++) expect(parse(line.slice(0, length))).toBeNull();
      expect(parse(`${line}x`)).toBeNull();
      expect(parse(`${line}\t`)).toBeNull();
    }
  }
});

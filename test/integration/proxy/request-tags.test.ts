import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush } from "../../support/event-of.ts";
import { runBatches } from "../../support/run-batches.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";

const { seed } = makeSeededRandom();
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await openTestGateway({ config: fastFlush });
});
afterAll(() => gateway.close());

type Tags = Record<string, string>;
interface TagCase {
  keyTags: Tags;
  body: Tags;
  tensorZero: Tags;
  header: Tags;
}

const name = fc.oneof(
  fc.constantFrom("customer_id", "tenant", "job", "a", "__proto__", "constructor", "a:b", "x.y-z"),
  fc.stringMatching(/^[a-z0-9_.-]{1,64}$/),
);
const value = fc.oneof(
  fc.constantFrom("acme", "", "other", "Zürich 日本"),
  fc.string({ maxLength: 40 }).map((text) => text.replace(/[\p{Cc}\p{Cs}]/gu, "")),
);
const headerValue = fc.stringMatching(/^[A-Za-z0-9 _.:=-]{0,20}$/).map((text) => text.trim());
const makeTags = (values: fc.Arbitrary<string>): fc.Arbitrary<Tags> =>
  fc.array(fc.tuple(name, values), { maxLength: 5 }).map((entries) => Object.fromEntries<string>(entries));
const tagCase: fc.Arbitrary<TagCase> = fc.record({
  keyTags: makeTags(value),
  body: makeTags(value),
  tensorZero: makeTags(value),
  header: makeTags(headerValue),
});

/** What the two sets must be, said in another way than the server says it. */
function findTagFault(
  { keyTags, body, tensorZero, header }: TagCase,
  event: Pick<StoredEvent, "key_tags" | "request_tags">,
): string | null {
  const kept = Object.entries(event.key_tags ?? {});
  if (kept.length !== Object.keys(keyTags).length) return "key tags are lost or added";
  for (const [tag, text] of Object.entries(keyTags))
    if (kept.find(([each]) => each === tag)?.[1] !== text) return `key tag ${tag} was overridden`;
  const bound = new Set(Object.keys(keyTags));
  const sent = new Map([...Object.entries(header), ...Object.entries(body), ...Object.entries(tensorZero)]);
  for (const tag of bound) sent.delete(tag);
  const stored = Object.entries(event.request_tags ?? {});
  if (stored.some(([tag]) => bound.has(tag))) return "a request tag has the name of a key tag";
  if (stored.length !== sent.size) return "request tags are lost or added";
  return stored.every(([tag, text]) => sent.get(tag) === text) ? null : "a request tag has another value";
}

async function send(tags: TagCase, key: string): Promise<Response> {
  const header = Object.entries(tags.header).map(([tag, text]) => `${tag}=${text}`);
  // Written out by hand: an object literal has no way to say `__proto__`.
  const list = (set: Tags): string =>
    `{${Object.entries(set)
      .map(([tag, text]) => `${JSON.stringify(tag)}:${JSON.stringify(text)}`)
      .join(",")}}`;
  return gateway.call(
    "/v1/chat/completions",
    `{"model":"echo::x","messages":[{"role":"user","content":"hi"}],"tags":${list(tags.body)},"tensorzero::tags":${list(tags.tensorZero)}}`,
    key,
    { headers: header.length === 0 ? {} : { "x-tollgate-tags": header.join(",") } },
  );
}

describe("tags", () => {
  it("of a request never override those of its key: body, TensorZero's field, header", async () => {
    const cases = fc.sample(tagCase, { numRuns: 200, seed });
    // What is bound is what the client tries to send, in half of them.
    const aimed = cases.map((one, index) =>
      index % 2 === 0
        ? one
        : {
            ...one,
            body: { ...one.body, ...mapValues(one.keyTags) },
            header: { ...one.header, ...mapValues(one.keyTags) },
          },
    );
    const ids: string[] = [];
    await runBatches(aimed, 8, async (one, index) => {
      const { text } = await gateway.makeKey({ tags: one.keyTags });
      const response = await send(one, text);
      expect([response.status, (await response.text()).slice(0, 9), one]).toEqual([200, '{"id":"ch', one]);
      ids[index] = response.headers.get("x-request-id") ?? "";
    });
    const stored = new Map((await gateway.listEvents(aimed.length)).map((event) => [event.id, event]));
    const faults = aimed.flatMap((one, index) => {
      const event = stored.get(ids[index] ?? "");
      const fault = event === undefined ? "no event" : findTagFault(one, event);
      return fault === null ? [] : [`${fault}: ${JSON.stringify({ one, event: event?.request_tags })}`];
    });
    const overlapping = aimed.filter((one) => Object.keys(one.keyTags).length > 0).length;
    console.info(
      `tags: ${aimed.length} requests, ${overlapping} with key-bound tags, seed ${seed}; ${faults.length} faults`,
    );
    expect(faults.slice(0, 3)).toEqual([]);
    expect(overlapping).toBeGreaterThan(100);
  });

  it("that override are caught by this check", () => {
    const one: TagCase = {
      keyTags: { tenant: "a" },
      body: { tenant: "b", job: "1" },
      tensorZero: {},
      header: { job: "2" },
    };
    const good = { key_tags: { tenant: "a" }, request_tags: { job: "1" } };
    expect(findTagFault(one, good)).toBeNull();
    expect(findTagFault(one, { ...good, key_tags: { tenant: "b" } })).toBe("key tag tenant was overridden");
    expect(findTagFault(one, { ...good, key_tags: null })).toBe("key tags are lost or added");
    expect(findTagFault(one, { ...good, request_tags: { job: "1", tenant: "b" } })).toBe(
      "a request tag has the name of a key tag",
    );
    expect(findTagFault(one, { ...good, request_tags: null })).toBe("request tags are lost or added");
    expect(findTagFault(one, { ...good, request_tags: { job: "2" } })).toBe("a request tag has another value");
  });
});

/** The same names with values that would matter, and that a header can carry. */
function mapValues(tags: Tags): Tags {
  return Object.fromEntries(Object.keys(tags).map((tag) => [tag, "stolen"]));
}

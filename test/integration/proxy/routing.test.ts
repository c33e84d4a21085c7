import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCaller } from "../../../server/admin/router.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** Which provider of a model a call goes to, and which it does not go to. */
let bad: ScriptedUpstream;
let good: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

interface Route {
  name: string;
  routing: string;
  /** The model at the first provider: a directive for the upstream. */
  first: string;
  /** Keys of the first provider. */
  more?: string;
  /** Without the second one. */
  alone?: boolean;
}

function makeModel({ name, routing, first, more = "", alone = false }: Route): string {
  const provider = (which: string, url: string, model: string, keys: string) => `
[models.${name}.providers.${which}]
type = "openai_compatible"
api_base = "${url}/v1"
api_key_location = "none"
model_name = "${model}"
retries = 0
${keys}`;
  return `[models.${name}]\nrouting = ${routing}\n${provider("bad", bad.url, first, more)}${
    alone ? "" : provider("good", good.url, `${name}-good`, "")
  }`;
}

beforeAll(async () => {
  bad = await openScriptedUpstream();
  good = await openScriptedUpstream();
  const order = '["bad", "good"]';
  const quick = "circuit_breaker = { open_ms = 300 }";
  const routes: Route[] = [
    { name: "breaks", routing: order, first: "breaks+status-503" },
    { name: "limits", routing: order, first: "limits+status-429" },
    { name: "heals", routing: order, first: "heals", more: quick },
    { name: "alone", routing: '["bad"]', first: "alone+status-500", alone: true },
    { name: "busy", routing: '["bad"]', first: "busy+stall-0", more: "concurrent_requests_max = 2", alone: true },
    { name: "spills", routing: order, first: "spills+stall-0", more: "concurrent_requests_max = 1" },
    { name: "weighted", routing: "{ bad = 3, good = 1 }", first: "weighted" },
    { name: "random", routing: "{ bad = 1, good = 1 }\nsticky = false", first: "random" },
    { name: "fallback", routing: "{ bad = 1, good = 0 }", first: "fallback+status-500" },
  ];
  gateway = await openTestGateway({ config: routes.map(makeModel).join("\n") });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await bad.close();
  await good.close();
});

function count(upstream: ScriptedUpstream, model: string): number {
  return upstream.log.filter(({ model: asked }) => asked.startsWith(model)).length;
}

async function call(model: string, text = "Hi", more: object = {}, init: RequestInit = {}) {
  const body = { model, messages: [{ role: "user", content: text }], ...more };
  return await gateway.call("/v1/chat/completions", body, key, init);
}

async function callAll(model: string, times: number, text = (index: number) => `Hi ${index}`): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < times; index++) {
    const answer = await call(model, text(index));
    await answer.arrayBuffer();
    statuses.push(answer.status);
  }
  return statuses;
}

describe("the breaker", () => {
  test("of a provider that fails opens at ten failures; clients notice nothing", async () => {
    expect(await callAll("breaks", 40)).toEqual(Array(40).fill(200));
    expect(count(bad, "breaks")).toBe(10);
    expect(count(good, "breaks")).toBe(40);
  });

  test("opens as well for one that wants fewer calls, where there is another", async () => {
    expect(await callAll("limits", 20)).toEqual(Array(20).fill(200));
    expect(count(bad, "limits")).toBe(10);
  });

  test("closes by one call that tries it, once it works again", async () => {
    bad.script("heals", { status: 500 });
    expect(await callAll("heals", 12)).toEqual(Array(12).fill(200));
    expect(count(bad, "heals")).toBe(10);
    bad.script("heals", { status: 0 });
    await waitUntil(async () => {
      await callAll("heals", 1);
      return count(bad, "heals") > 12;
    }, "calls at the provider that is well again");
    const before = count(good, "heals");
    await callAll("heals", 5);
    expect(count(good, "heals")).toBe(before);
  });

  test("of a sole provider answers 503 with Retry-After, and meters the call without cost", async () => {
    const statuses = await callAll("alone", 12);
    expect(statuses).toEqual([...Array(10).fill(502), 503, 503]);
    const answer = await call("alone");
    expect([answer.status, count(bad, "alone")]).toEqual([503, 10]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await answer.json()).toMatchObject({ error: { code: "overloaded" } });
    await waitUntil(async () => {
      const refused = (await gateway.listEvents(1)).filter((event) => event.code === "overloaded");
      return (
        refused.length === 3 && refused.every(({ attempts, output_tokens }) => attempts + Number(output_tokens) === 0)
      );
    }, "the events of the three calls that were not made");
  });
});

describe("calls at once", () => {
  test("beyond what a sole provider may have are answered 503 at once; its end lets the next one in", async () => {
    const stop = new AbortController();
    const held = [1, 2].map(() => call("busy", "Hi", {}, { signal: stop.signal }).catch(() => null));
    await waitUntil(() => count(bad, "busy") === 2, "two calls at the provider");
    const refused = await call("busy");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
    expect(count(bad, "busy")).toBe(2);
    stop.abort();
    await Promise.all(held);
  });

  test("go to the next provider where there is one", async () => {
    const stop = new AbortController();
    const held = call("spills", "Hi", {}, { signal: stop.signal }).catch(() => null);
    await waitUntil(() => count(bad, "spills") === 1, "a call at the provider");
    expect(await callAll("spills", 5)).toEqual(Array(5).fill(200));
    expect([count(bad, "spills"), count(good, "spills")]).toEqual([1, 5]);
    stop.abort();
    await held;
  });
});

describe("weights", () => {
  test("share conversations out, and keep each at its provider", async () => {
    const begun = (index: number) => `Conversation ${index}`;
    await callAll("weighted", 120, begun);
    const share = count(bad, "weighted") / 120;
    // Each of the 120 names falls where its hash says, the key's random public id among it: five standard deviations.
    expect(Math.abs(share - 0.75)).toBeLessThan(0.2);
    const seen = (upstream: ScriptedUpstream) =>
      upstream.log.flatMap(({ model, body }) =>
        model.startsWith("weighted")
          ? [(JSON.parse(body) as { messages: { content: string }[] }).messages[0]?.content]
          : [],
      );
    await callAll("weighted", 120, begun);
    const others = new Set(seen(good));
    expect(seen(bad).filter((text) => others.has(text))).toEqual([]);
  });

  test("leave each call to chance where nothing is to stick", async () => {
    await callAll("random", 60, () => "always the same");
    expect(Math.min(count(bad, "random"), count(good, "random"))).toBeGreaterThan(5);
  });

  test("of 0 take calls only where the others fail", async () => {
    expect(await callAll("fallback", 3)).toEqual([200, 200, 200]);
    expect([count(bad, "fallback"), count(good, "fallback")]).toEqual([3, 3]);
  });
});

test("GET /admin/providers tells how they do, of all processes", async () => {
  const { config, clock, logger, database } = gateway.context;
  const origin = { ip: "", requestId: "" };
  const admin = makeCaller({ caller: { kind: "system" }, origin, config, clock, logger, database, randomBytes });
  const find = async (model: string, provider: string) =>
    (await admin.providers.list({})).providers.find((each) => each.model === model && each.provider === provider);
  await waitUntil(async () => (await find("fallback", "good"))?.successes === 3, "a report after the last call");
  expect(await find("breaks", "bad")).toMatchObject({
    type: "openai_compatible",
    failures: expect.any(Number),
    openings: expect.any(Number),
    last_failure: "status_503",
    in_flight: 0,
    processes: 1,
  });
  expect(await find("spills", "good")).toMatchObject({ state: "closed", successes: 5, failures: 0 });
  expect((await find("spills", "bad"))?.refused).toBe(5);
  const text = JSON.stringify(await admin.providers.list({}));
  expect(text).not.toContain("127.0.0.1");
});

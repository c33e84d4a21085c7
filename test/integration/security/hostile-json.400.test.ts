import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseInference } from "../../../server/proxy/parse.ts";
import { type GatewayProcess, openGatewayProcess, type ProcessMeasures } from "../../support/gateway-process.ts";
import { type HostileBody, listHostileBodies, listOddBodies, makeFuzzBody } from "../../support/hostile-json.ts";
import { findLastingFaults } from "../../support/lasting-faults.ts";
import { makeRawPost, type PipelinedRequest, sendPipelined, sendRaw } from "../../support/raw-http.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { makeModelConfig } from "../../support/test-gateway.ts";

/** BARS.md C9. */
const isFull = process.env.TEST_TIER === "full";
const loopDelayMaxMs = 200;
let upstream: ScriptedUpstream;
let gateway: GatewayProcess;
let key: string;
let prototypeNames: string[];

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openGatewayProcess({ config: makeModelConfig(upstream.url), keepOutput: false });
  key = (await gateway.makeKey()).text;
  ({ prototypeNames } = await gateway.measure());
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const post = (path: string, body: Buffer | string, bearer = key): Buffer =>
  makeRawPost(path, [`Authorization: Bearer ${bearer}`], body);

/** Says what is wrong with an answer to a hostile body, or nothing. */
function findFault({ name, mayPass }: HostileBody, status: number | undefined): string[] {
  const isRight = status !== undefined && ((status >= 400 && status < 500) || (mayPass && status === 200));
  return isRight ? [] : [`${name}: ${status}`];
}

function findProcessFaults(measures: ProcessMeasures): string[] {
  const faults: string[] = [];
  if (measures.loopDelayMaxMs > loopDelayMaxMs) faults.push(`loop ${measures.loopDelayMaxMs.toFixed(0)} ms`);
  if (measures.prototypeNames.join() !== prototypeNames.join()) faults.push("prototype");
  return faults;
}

describe("POST /v1/chat/completions", () => {
  test.each(listHostileBodies().map((body) => [body.name, body] as const))("%s", async (_name, hostile) => {
    const faults = await findLastingFaults(async () => {
      await gateway.reset();
      const before = upstream.log.length;
      const answer = await sendRaw(gateway.port, post("/v1/chat/completions", hostile.body));
      expect(findFault(hostile, answer?.status)).toEqual([]);
      const dispatched = upstream.log.slice(before).map(({ body }) => Buffer.byteLength(body));
      expect(dispatched).toEqual(answer?.status === 200 ? [hostile.body.length] : []);
      expect(dispatched.length === 0 || upstream.log.at(-1)?.body === hostile.body.toString()).toBe(true);
      return findProcessFaults(await gateway.measure());
    });
    expect(faults).toEqual([]);
  });

  test("odd bodies: refused, or passed on untouched", async () => {
    const faults: string[] = [];
    let judged = 0;
    for (const odd of listOddBodies()) {
      for (const path of ["/v1/chat/completions", "/openai/v1/completions"]) {
        const before = upstream.log.length;
        const answer = await sendRaw(gateway.port, post(path, odd.body));
        judged++;
        faults.push(...findFault(odd, answer?.status));
        if (answer !== null && answer.status >= 400 && upstream.log.length !== before)
          faults.push(`${odd.name}: dispatched`);
        if (answer?.status === 200 && !odd.name.includes("tags") && !odd.name.includes("stream_options")) {
          if (upstream.log.at(-1)?.body !== odd.body.toString()) faults.push(`${odd.name}: changed`);
        }
      }
    }
    expect(judged).toBeGreaterThan(80);
    expect(faults).toEqual([]);
    expect(findProcessFaults(await gateway.measure()).filter((fault) => fault === "prototype")).toEqual([]);
  });
});

describe("the admin API", () => {
  test.each(["/admin/api-keys", "/trpc/keys.create"])("POST %s: hostile and odd bodies are refused", async (path) => {
    // Its limit is 256 KB, so that the big ones are refused by their size.
    const bodies = [...listHostileBodies(), ...listOddBodies()].filter(({ name }) => name !== "nothing");
    const processFaults = await findLastingFaults(async () => {
      await gateway.reset();
      const faults: string[] = [];
      for (const body of bodies) {
        const answer = await sendRaw(gateway.port, post(path, body.body, gateway.adminKey));
        faults.push(...findFault({ ...body, mayPass: false }, answer?.status));
      }
      expect(faults).toEqual([]);
      return findProcessFaults(await gateway.measure());
    });
    expect(processFaults).toEqual([]);
  });

  test("a batch of 10^4 procedures, or of 21, is refused", async () => {
    const processFaults = await findLastingFaults(async () => {
      await gateway.reset();
      const get = (path: string): Buffer =>
        Buffer.from(`GET ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${gateway.adminKey}\r\n\r\n`);
      const batch = (count: number, name: string): string => Array<string>(count).fill(name).join(",");
      for (const path of [
        `/trpc/${batch(10_000, "keys.list")}?batch=1`,
        `/trpc/${batch(4_000, "x")}?batch=1`,
        `/trpc/${batch(1_000, "keys.list")}?batch=1`,
        `/trpc/${batch(21, "keys.list")}?batch=1`,
      ]) {
        const answer = await sendRaw(gateway.port, get(path));
        expect(answer?.status, path.slice(0, 60)).toBeGreaterThanOrEqual(400);
        expect(answer?.status).toBeLessThan(500);
      }
      const inputs = JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [index, {}])));
      const many = await sendRaw(gateway.port, post(`/trpc/${batch(1_000, "x")}?batch=1`, inputs, gateway.adminKey));
      expect(many?.status).toBeGreaterThanOrEqual(400);
      expect(many?.status).toBeLessThan(500);
      // Twenty are a batch.
      const input = encodeURIComponent(
        JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [index, {}]))),
      );
      const twenty = await sendRaw(gateway.port, get(`/trpc/${batch(20, "keys.list")}?batch=1&input=${input}`));
      expect(twenty?.status).toBe(200);
      return findProcessFaults(await gateway.measure());
    });
    expect(processFaults).toEqual([]);
  });
});

describe("fuzz", () => {
  const { seed } = makeSeededRandom();

  test("10^5 small bodies leave the prototypes as they are, and the parser never throws", () => {
    const random = makeSeededRandom(seed);
    const before = Reflect.ownKeys(Object.prototype).length;
    let accepted = 0;
    for (let index = 0; index < 100_000; index++) {
      const parsed = parseInference("chat_completions", makeFuzzBody(random));
      if (!("code" in parsed)) accepted++;
    }
    console.info(`C9 seed ${seed}: ${accepted} of 100000 bodies accepted`);
    expect(accepted).toBeGreaterThan(1_000);
    expect(accepted).toBeLessThan(99_000);
    expect(Reflect.ownKeys(Object.prototype).length).toBe(before);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  }, 60_000);

  test("over HTTP: no 5xx, and the process is as it was", async () => {
    const random = makeSeededRandom(seed + 1);
    const count = isFull ? 100_000 : 6_000;
    const requests = function* (): Generator<PipelinedRequest> {
      for (let index = 0; index < count; index++) {
        const path = random.pick(["/v1/chat/completions", "/v1/completions", "/admin/api-keys", "/trpc/keys.list"]);
        const bearer = path.startsWith("/v1") ? key : gateway.adminKey;
        yield { bytes: post(path, makeFuzzBody(random), bearer), alone: false };
      }
    };
    const statuses = new Map<number, number>();
    const told = await sendPipelined(gateway.port, requests(), (_request, answer) => {
      const status = answer?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    });
    expect(told).toBe(count);
    // An empty object makes a key.
    expect(
      [...statuses.keys()].filter((status) => status !== 200 && status !== 201 && (status < 400 || status >= 500)),
    ).toEqual([]);
    expect(findProcessFaults(await gateway.measure()).filter((fault) => fault === "prototype")).toEqual([]);
    expect(gateway.isRunning()).toBe(true);
  }, 120_000);
});

test("the checks see a body let through, a changed prototype and a blocked loop", async () => {
  const [strict] = listOddBodies();
  const lenient = listOddBodies().find(({ mayPass }) => mayPass);
  if (strict === undefined || lenient === undefined) throw new Error("no bodies");
  expect(findFault(strict, 200)).toHaveLength(1);
  expect(findFault(strict, 500)).toHaveLength(1);
  expect(findFault(strict, undefined)).toHaveLength(1);
  expect([...findFault(strict, 400), ...findFault(lenient, 200)]).toEqual([]);
  const measures = { ...(await gateway.measure()), loopDelayMaxMs: 3 };
  expect(findProcessFaults(measures)).toEqual([]);
  expect(findProcessFaults({ ...measures, loopDelayMaxMs: 201 })).toHaveLength(1);
  // A merge as careless ones do it, on what JSON.parse made of the first odd body.
  const merged: Record<string, Record<string, unknown>> = {};
  const source = JSON.parse(strict.body.toString()) as Record<string, object>;
  for (const name of Object.keys(source)) Object.assign((merged[name] ??= {}), source[name]);
  const polluted = Reflect.ownKeys(Object.prototype).map(String);
  delete (Object.prototype as Record<string, unknown>).polluted;
  expect(polluted).toContain("polluted");
  expect(findProcessFaults({ ...measures, prototypeNames: [...polluted, ...prototypeNames] })).toEqual(["prototype"]);
});

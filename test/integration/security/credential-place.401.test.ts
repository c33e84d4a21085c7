import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRawPost, type PipelinedRequest, type RawAnswer, sendPipelined } from "../../support/raw-http.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

/** BARS.md A8: which key a request is made with, wherever else a valid key may stand. */
let upstream: ScriptedUpstream;
let gateway: TestGateway;
const keys: Record<"a" | "b", { text: string; publicId: string }> = {
  a: { text: "", publicId: "" },
  b: { text: "", publicId: "" },
};

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({ config: makeModelConfig(upstream.url) });
  keys.a = await gateway.makeKey();
  keys.b = await gateway.makeKey();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

type Who = "" | "a" | "b";
interface Places {
  authorization: Who[];
  xApiKey: Who[];
  query: Who;
  cookie: Who;
  body: Who;
  other: Who;
}

const some: readonly Who[] = ["", "a", "b"];
const several: readonly Who[][] = [[], ["a"], ["b"], ["a", "a"], ["a", "b"], ["b", "a"]];

function* listPlaces(): Generator<Places> {
  for (const authorization of several)
    for (const xApiKey of several)
      for (const query of some)
        for (const cookie of some)
          for (const body of some)
            for (const other of some) yield { authorization, xApiKey, query, cookie, body, other };
}

/** What the contract says: the one bearer decides; two different keys in headers are refused; nothing else counts. */
function findExpected({ authorization, xApiKey }: Places): { status: number; who: Who } {
  if (new Set([...authorization, ...xApiKey]).size > 1) return { status: 400, who: "" };
  const [who] = authorization;
  return who === undefined ? { status: 401, who: "" } : { status: 200, who };
}

interface PlacedRequest extends PipelinedRequest {
  places: Places;
}

function makePlacedRequest(places: Places): PlacedRequest {
  const text = (who: Who): string => (who === "" ? "" : keys[who].text);
  const { query, cookie, body, other } = places;
  const path = `/v1/chat/completions${query === "" ? "" : `?api_key=${text(query)}&key=${text(query)}&access_token=${text(query)}&authorization=Bearer%20${text(query)}`}`;
  const lines = [
    ...places.authorization.map((who) => `Authorization: Bearer ${text(who)}`),
    ...places.xApiKey.map((who) => `X-Api-Key: ${text(who)}`),
    ...(cookie === ""
      ? []
      : [`Cookie: authorization=Bearer ${text(cookie)}; api_key=${text(cookie)}; session=${text(cookie)}`]),
    ...(other === ""
      ? []
      : [
          `Proxy-Authorization: Bearer ${text(other)}`,
          `X-Authorization: Bearer ${text(other)}`,
          `X-Goog-Api-Key: ${text(other)}`,
          `Api-Key: ${text(other)}`,
          `X-Forwarded-Authorization: Bearer ${text(other)}`,
        ]),
  ];
  const json = {
    model: "gpt-test",
    messages: [{ role: "user", content: "Whose call is this?" }],
    // Which combination this is, for the comparison with the ledger.
    tags: { places: JSON.stringify(places).replaceAll(/[^a-zA-Z,:]/g, "") },
    ...(body === "" ? {} : { api_key: text(body), key: text(body), authorization: `Bearer ${text(body)}` }),
  };
  return { places, bytes: makeRawPost(path, lines, JSON.stringify(json)), alone: false };
}

/** Sends every combination; answers what went wrong, and for each call that was answered whose it should be. */
async function runPlaces(port: number): Promise<{ sent: number; wrong: string[]; served: Map<string, string> }> {
  const wrong: string[] = [];
  const served = new Map<string, string>();
  const requests = [...listPlaces()].map(makePlacedRequest);
  const sent = await sendPipelined(port, requests, ({ places }, answer: RawAnswer | null) => {
    const expected = findExpected(places);
    if (answer?.status !== expected.status) wrong.push(`${answer?.status} for ${JSON.stringify(places)}`);
    const id = answer?.rawHeaders.find(([name]) => name === "x-request-id")?.[1];
    if (answer?.status === 200 && expected.who !== "" && id !== undefined) served.set(id, keys[expected.who].publicId);
    if (answer?.status === 400 && !answer.body.includes("conflicting_credentials")) wrong.push("another 400");
  });
  return { sent, wrong, served };
}

test("only the bearer authenticates, two different keys are refused, and the one that authenticates is charged", async () => {
  const { sent, wrong, served } = await runPlaces(Number(new URL(gateway.url).port));
  expect(sent).toBe(6 * 6 * 3 ** 4);
  expect(wrong).toEqual([]);
  const expected = [...listPlaces()].filter((places) => findExpected(places).status === 200).length;
  expect(served.size).toBe(expected);
  const events = await gateway.listEvents(expected);
  expect(events).toHaveLength(expected);
  // 0 calls that were authenticated as one key and metered as another.
  expect(events.filter((event) => served.get(event.id) !== event.public_id)).toEqual([]);
  expect(new Set(events.map((event) => event.public_id)).size).toBe(2);
  // What was refused never reached the provider.
  expect(upstream.log).toHaveLength(expected);
}, 60_000);

test("the check sees a server that takes the key from the query, and one that takes the last of two", async () => {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const bearers = request.headersDistinct.authorization ?? [];
      const known = bearers.at(-1) ?? /key=[a-z]+_\w+/.exec(request.url ?? "")?.[0];
      response.writeHead(known === undefined ? 401 : 200, { "x-request-id": "1", "content-length": 0 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { wrong } = await runPlaces((server.address() as AddressInfo).port);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(wrong.some((text) => text.includes('200 for {"authorization":[],') && text.includes('"query":"a"'))).toBe(
    true,
  );
  expect(wrong.some((text) => text.startsWith('200 for {"authorization":["a","b"]'))).toBe(true);
});

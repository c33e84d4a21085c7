import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonSchema } from "../../../server/admin/json-schema.ts";
import { makeOpenApiDocument } from "../../../server/admin/openapi-document.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";

/** BARS.md E3: what an answer may hold. */
const document = makeOpenApiDocument("0.0.0", "");

/** Answers whose fields are open on purpose, each with the place that is. */
const open = ["queryUsage /rows/*", "listAudit /entries/*/before", "listAudit /entries/*/after"];

/** Every place of a schema that any field, or anything at all, could stand in. */
function listOpenPlaces(schema: JsonSchema, place = ""): string[] {
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])] as JsonSchema[];
  if (alternatives.length > 0) return alternatives.flatMap((each) => listOpenPlaces(each, place));
  if (schema.enum !== undefined || schema.const !== undefined) return [];
  const types = [schema.type ?? []].flat() as string[];
  if (types.length === 0) return [place];
  const found: string[] = [];
  if (types.includes("array")) found.push(...listOpenPlaces((schema.items ?? {}) as JsonSchema, `${place}/*`));
  if (types.includes("object")) {
    const { additionalProperties: more = true } = schema;
    if (more === true || (typeof more === "object" && Object.keys(more).length === 0)) found.push(place);
    else if (typeof more === "object") found.push(...listOpenPlaces(more, `${place}/{}`));
    for (const [name, each] of Object.entries(schema.properties ?? {})) {
      found.push(...listOpenPlaces(each as JsonSchema, `${place}/${name}`));
    }
  }
  return found;
}

/** Names of all fields of a schema. */
function listFields(schema: JsonSchema): string[] {
  const inner = [...(schema.anyOf ?? []), schema.items, schema.additionalProperties] as JsonSchema[];
  const own = Object.entries(schema.properties ?? {}) as [string, JsonSchema][];
  return [
    ...own.flatMap(([name, each]) => [name, ...listFields(each)]),
    ...inner.filter((each) => typeof each === "object").flatMap(listFields),
  ];
}

const answers = Object.values(document.paths).flatMap((item) =>
  Object.values(item).flatMap(({ operationId, responses }) =>
    Object.entries(responses)
      .filter(([status]) => Number(status) < 300)
      .flatMap(([, { content }]) => {
        const schema = content?.["application/json"]?.schema;
        return schema === undefined ? [] : [{ operationId, schema }];
      }),
  ),
);

describe("answers of the admin API", () => {
  it("name every field that they may hold", () => {
    expect(answers.length).toBeGreaterThan(10);
    const found = answers.flatMap(({ operationId, schema }) =>
      listOpenPlaces(schema).map((place) => `${operationId} ${place}`),
    );
    expect(found.filter((place) => !open.includes(place))).toEqual([]);
    expect(listOpenPlaces(document.components.schemas.Error ?? {})).toEqual([]);
  });

  it("have no field for a secret, but for the one that is shown once", () => {
    const secretive = /secret|digest|password|pepper|seal|token$|plaintext|api_key$/;
    // Instants about secrets, and counts of tokens, tell none.
    const harmless = /_at$|_used_at$|_tokens?$/;
    const found = answers.flatMap(({ operationId, schema }) =>
      listFields(schema)
        .filter((name) => secretive.test(name) && !harmless.test(name))
        .map((name) => `${operationId} ${name}`),
    );
    expect(found.sort()).toEqual([
      "createApiKey api_key",
      "createUser password",
      "createWebhook secret",
      "rotateApiKey api_key",
      "rotateWebhookSecret secret",
    ]);
  });

  it("the check sees an open object, and a value that may be anything", () => {
    expect(listOpenPlaces({ type: "object", properties: { a: { type: "object" } } })).toEqual(["", "/a"]);
    const closed: JsonSchema = { type: "object", properties: { a: {} }, additionalProperties: false };
    expect(listOpenPlaces({ type: "array", items: closed })).toEqual(["/*/a"]);
  });
});

describe("answers that need no key", () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await openGatewayProcess();
  });
  afterAll(() => gateway.close());

  it.each([
    ["/livez", "ok\n"],
    ["/readyz", "ok\n"],
  ])("%s says a word", async (path, text) => {
    expect(await (await gateway.call("GET", path, null)).text()).toBe(text);
  });

  it("/health says of each part whether it is up; /status the release and the config's hash", async () => {
    const health: unknown = await (await gateway.call("GET", "/health", null)).json();
    const states = expect.stringMatching(/^(ok|error|not_configured)$/);
    expect(health).toStrictEqual({ gateway: states, postgres: states, redis: states, workers: states });
    const status: unknown = await (await gateway.call("GET", "/status", null)).json();
    expect(status).toStrictEqual({ status: "ok", version: expect.any(String), config_hash: expect.any(String) });
  });

  it.each([
    ["GET", "/admin/api-keys"],
    ["GET", "/admin/nothing"],
    ["GET", "/nothing"],
    ["POST", "/admin/api-keys/import"],
    ["POST", "/v1/chat/completions"],
  ])("%s %s: an error has four fields", async (method, path) => {
    const answer: unknown = await (await gateway.call(method, path, null, method === "POST" ? {} : undefined)).json();
    const text = expect.any(String);
    expect(answer).toStrictEqual({ error: { message: text, type: text, param: null, code: text } });
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { makeOpenApiDocument } from "../../../server/admin/openapi-document.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

/** BARS.md C15: numbers that are none, or not the one that was written, are refused by the name of their field. */
let admin: AdminHarness;
let root: string;
beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ permissions: ["*"] })).text;
});
afterAll(() => admin.close());

/** As JSON text. The first two are no JSON at all. */
const odd = [
  "NaN",
  "Infinity",
  "-0",
  "1e308",
  "-1e308",
  "9007199254740993",
  '"１"',
  '"NaN"',
  '"Infinity"',
  '"-0"',
  '"1e308"',
  '"٣"',
  "true",
];
/** Of a query or a header, which are text. */
const oddTexts = ["NaN", "Infinity", "-0", "1e308", "9007199254740993", "１", "٣", "0x10", " 1", "1.0", "+1"];

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}
interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}
const document = makeOpenApiDocument("0", "") as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** Names that a record of numbers takes. */
const recordName = "requests_per_minute";

/** Ways down to everything that may be a number: names, and 0 for an item of a list. */
function listNumberPaths(schema: Schema, depth = 0): (string | 0)[][] {
  if (depth > 6) return [];
  const target = schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
  if (target === undefined) return [];
  const inner = (part: Schema, step: (string | 0)[]) =>
    listNumberPaths(part, depth + 1).map((path) => [...step, ...path]);
  const types = [target.type ?? []].flat();
  return [
    ...(types.includes("number") || types.includes("integer") ? [[]] : []),
    ...[...(target.anyOf ?? []), ...(target.oneOf ?? []), ...(target.allOf ?? [])].flatMap((part) => inner(part, [])),
    ...Object.entries(target.properties ?? {}).flatMap(([name, part]) => inner(part, [name])),
    ...(typeof target.additionalProperties === "object" ? inner(target.additionalProperties, [recordName]) : []),
    ...(target.items === undefined ? [] : inner(target.items, [0])),
  ];
}

function makeBody(path: readonly (string | 0)[], text: string): string {
  return path.reduceRight<string>(
    (body, step) => (step === 0 ? `[${body}]` : `{${JSON.stringify(step)}:${body}}`),
    text,
  );
}

const formatPath = (path: readonly (string | 0)[]): string =>
  path
    .map((step) => (step === 0 ? "[0]" : `.${step}`))
    .join("")
    .slice(1);

interface Tried {
  place: string;
  status: number;
  /** Names of the fields at fault. */
  fields: string[];
}

function readFields(body: Record<string, unknown>): string[] {
  const { error } = body as { error?: { issues?: { path: string }[]; param?: string | null } };
  return [...(error?.issues ?? []).map(({ path }) => path), error?.param ?? ""];
}

test("no odd number gets into the admin API", async () => {
  const faults: Tried[] = [];
  let tried = 0;
  const places = new Set<string>();
  const operations = Object.entries(document.paths).flatMap(([route, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), route, operation })),
  );
  for (const { method, route, operation } of operations) {
    const path = `/admin${route.replaceAll(/\{[a-z_]+\}/g, "zzzzzzzzzzzz")}`;
    const schema = operation.requestBody?.content["application/json"]?.schema;
    for (const way of schema === undefined ? [] : listNumberPaths(schema)) {
      for (const text of odd) {
        // Money is also written as text, and "1e308" is no text of money either.
        const { status, body } = await admin.send(method, path, root, makeBody(way, text));
        const place = `${method} ${route} ${formatPath(way)} = ${text}`;
        const fields = readFields(body);
        const isNamed = status === 422 && fields.some((field) => field.startsWith(formatPath(way)));
        if (status !== 400 && !isNamed) faults.push({ place, status, fields });
        places.add(`${method} ${route} ${formatPath(way)}`);
        tried++;
      }
    }
    for (const parameter of operation.parameters ?? []) {
      if (listNumberPaths(parameter.schema).length === 0) continue;
      for (const text of oddTexts) {
        const isHeader = parameter.in === "header";
        // Node sends no such header, and no client either.
        if (isHeader && /[^\x20-\x7e]/.test(text)) continue;
        const query = isHeader ? "" : `?${parameter.name}=${encodeURIComponent(text)}`;
        const headers = isHeader ? { [parameter.name]: text } : {};
        const sent = method === "GET" || method === "DELETE" ? undefined : {};
        const { status, body } = await admin.send(method, `${path}${query}`, root, sent, headers);
        const place = `${method} ${route} ${parameter.in} ${parameter.name} = ${text}`;
        if (status !== 400 && status !== 422 && !(isHeader && text === " 1"))
          faults.push({ place, status, fields: readFields(body) });
        places.add(`${method} ${route} ${parameter.name}`);
        tried++;
      }
    }
  }
  console.info(`C15: ${tried} odd numbers in ${places.size} places`);
  expect(faults).toEqual([]);
  expect(places.size).toBeGreaterThan(8);
});

test.each([
  ["alias", "１"],
  ["tags", { "１": "x" }],
  ["permissions", ["ai:１"]],
  ["rate_limits", { requests_per_１: 1 }],
  ["rate_limits", { requests_per_minute: "１" }],
  ["budgets", [{ limit_usd: "１", period: "day" }]],
  ["budgets", [{ limit_usd: "1", period: "３0d" }]],
  ["budgets", [{ limit_usd: "1", period: "day", timezone: "Ｕtc" }]],
  ["expires_at", "２027-01-01T00:00:00Z"],
  ["allowed_ips", ["１0.0.0.0/8"]],
  ["allowed_ips", ["10.0.0.0/８"]],
  ["allowed_origins", ["https://a.com:８443"]],
  ["provider_credentials", { "１": "x" }],
  ["type", "ｃlient"],
])("%s: %j is refused", async (field, value) => {
  const { status, body } = await admin.send("POST", "/admin/api-keys", root, { [field]: value });
  expect([status, readFields(body).some((name) => name.startsWith(field))]).toEqual([422, true]);
});

import type { ValidateFunction } from "ajv";
import type { Operation, RequestParts } from "./openapi-requests.ts";
import type { SeededRandom } from "./seeded-random.ts";

type Schema = Record<string, unknown>;

/** Compiles a schema of the document. */
export type Compile = (schema: Schema) => ValidateFunction;

/** One way to break a request; `null` where the operation has nothing of the kind. */
type Fault = (operation: Operation, parts: RequestParts, random: SeededRandom, compile: Compile) => RequestParts | null;

/** Among these each field finds one that its schema forbids. */
const strangers: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  2 ** 53,
  "",
  "\u0000",
  "no such thing",
  "x".repeat(5_000),
  [],
  [{}],
  { a: { b: [] } },
  { "": 1 },
];

const names = [
  "is_admin",
  "role",
  "user_id",
  "spend",
  "version",
  "created_by",
  "__proto__",
  "constructor",
  "x",
  "",
  "ü",
];

function getBodySchema({ operation }: Operation): Schema | null {
  return operation.requestBody?.content["application/json"]?.schema ?? null;
}

/** The body as an object, to be changed. */
function copyBody(parts: RequestParts): Record<string, unknown> {
  const json = parts.body !== undefined && "json" in parts.body ? parts.body.json : {};
  return { ...(json as Record<string, unknown>) };
}

const takesBody = (operation: Operation): boolean => operation.method !== "GET" && operation.method !== "DELETE";

const faults: Readonly<Record<string, Fault>> = {
  "unknown field": (operation, parts, random) => {
    if (!takesBody(operation)) return null;
    const known = Object.keys((getBodySchema(operation)?.properties as Schema | undefined) ?? {});
    const name = random.pick(names.filter((each) => !known.includes(each)));
    const json = copyBody(parts);
    Object.defineProperty(json, name, { value: random.pick(strangers), enumerable: true });
    return { ...parts, body: { json } };
  },
  "wrong value": (operation, parts, random, compile) => {
    const properties = Object.entries((getBodySchema(operation)?.properties as Record<string, Schema>) ?? {});
    if (properties.length === 0) return null;
    const [name, schema] = random.pick(properties);
    const isValid = compile(schema);
    const wrong = strangers.filter((value) => !isValid(value));
    return { ...parts, body: { json: { ...copyBody(parts), [name]: random.pick(wrong) } } };
  },
  "missing field": (operation, parts, random) => {
    const required = (getBodySchema(operation)?.required as string[] | undefined) ?? [];
    if (required.length === 0) return null;
    const json = copyBody(parts);
    delete json[random.pick(required)];
    return { ...parts, body: { json } };
  },
  "no object": (operation, parts, random) =>
    takesBody(operation) ? { ...parts, body: { json: random.pick([[], [{}], null, 1, "x", true]) } } : null,
  "no JSON": (operation, parts, random) => {
    const raw = random.pick(["{", "{}}", "{'a':1}", "[", "undefined", '{"a":}', "\ufeff{", "name=x"]);
    return takesBody(operation) ? { ...parts, body: { raw, type: "application/json" } } : null;
  },
  "other media type": (operation, parts, random) => {
    const type = random.pick([
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/xml",
      "multipart/form-data",
    ]);
    return takesBody(operation) ? { ...parts, body: { raw: "{}", type } } : null;
  },
  "field of the path in the body": (operation, parts, random) => {
    const path = Object.entries(parts.path);
    if (path.length === 0 || !takesBody(operation)) return null;
    const [name, value] = random.pick(path);
    return { ...parts, body: { json: { ...copyBody(parts), [name]: value } } };
  },
  "unknown parameter": (_operation, parts, random) => ({
    ...parts,
    query: [...parts.query, [`x_${random.pick(names)}`, random.pick(["1", "true", ""])]],
  }),
  "wrong parameter": ({ operation }, parts, random, compile) => {
    const plain = (operation.parameters ?? []).filter(({ in: place }) => place === "query");
    const choices = plain.flatMap(({ name, schema }) => {
      const isValid = compile(schema);
      const texts = ["", "-1", "1.5", "no such thing", "x".repeat(5_000), "9".repeat(30)];
      // On the wire everything is text: a number is as good as its digits.
      const isWrong = (text: string) => ![text, text === "" ? text : Number(text)].some((value) => isValid(value));
      return texts.filter(isWrong).map((text): [string, string] => [name, text]);
    });
    if (choices.length === 0) return null;
    const [name, text] = random.pick(choices);
    return { ...parts, query: [...parts.query.filter(([each]) => each !== name), [name, text]] };
  },
  "parameter twice": ({ operation }, parts, random) => {
    const single = (operation.parameters ?? []).filter(
      ({ in: place, schema }) => place === "query" && ["integer", "string", "boolean"].includes(String(schema.type)),
    );
    if (single.length === 0) return null;
    const { name, schema } = random.pick(single);
    const value = schema.type === "integer" ? "1" : schema.type === "boolean" ? "true" : "x";
    return { ...parts, query: [...parts.query.filter(([each]) => each !== name), [name, value], [name, value]] };
  },
  "body on a call without": (operation, parts) =>
    operation.method === "DELETE" ? { ...parts, body: { json: { role: "admin" } } } : null,
  "wrong path": (_operation, parts, random) => {
    const path = Object.keys(parts.path);
    if (path.length === 0) return null;
    const texts = [
      "x",
      "a".repeat(13),
      "a".repeat(4_000),
      "short-id-123",
      "..",
      "%",
      "ü".repeat(12),
      "a b",
      "abc/def",
      "'",
    ];
    return { ...parts, path: { ...parts.path, [random.pick(path)]: random.pick(texts) } };
  },
  "wrong header": ({ operation }, parts, random) => {
    const hasIt = (operation.parameters ?? []).some(({ name }) => name === "If-Match");
    const values = ["x", "0", "-1", "1.5", '"x"', "1, 2", '"99999999999999999999"'];
    return hasIt ? { ...parts, headers: { ...parts.headers, "If-Match": random.pick(values) } } : null;
  },
};

/** Breaks a request that the document allows in one way that it does not. */
export function makeInvalidRequest(
  operation: Operation,
  parts: RequestParts,
  random: SeededRandom,
  compile: Compile,
): { fault: string; parts: RequestParts } {
  for (;;) {
    const fault = random.pick(Object.keys(faults));
    const broken = faults[fault]?.(operation, parts, random, compile) ?? null;
    if (broken !== null) return { fault, parts: broken };
  }
}

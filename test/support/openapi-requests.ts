import fc from "fast-check";
import type { OpenApiDocument, OpenApiOperation } from "../../server/admin/openapi-document.ts";
import type { AdminRequest } from "./admin-operation.ts";

type Schema = Record<string, unknown>;

/** An operation, with where it is. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  operation: OpenApiOperation;
}

/** What a generated request says, before it is written down. */
export interface RequestParts {
  path: Record<string, string>;
  query: [name: string, value: string][];
  headers: Record<string, string>;
  /** `undefined`: none; `raw`: as it is. */
  body?: { json: unknown } | { raw: string; type: string };
}

export function listOperations(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      // Streams are no procedures and answer no JSON; they have tests of their own.
      .filter(([, operation]) => operation["x-procedure"] !== undefined)
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation, id: operation.operationId })),
  );
}

/** Writes a request down. */
export function makeRequest({ method, path }: Operation, parts: RequestParts): AdminRequest {
  const filled = path.replace(/\{([a-z_]+)\}/g, (_all, name: string) => encodeURIComponent(parts.path[name] ?? ""));
  const query = new URLSearchParams(parts.query).toString();
  const request: AdminRequest = {
    method,
    path: `/admin${filled}${query === "" ? "" : `?${query}`}`,
    headers: { ...parts.headers },
  };
  if (parts.body === undefined) return request;
  const { body } = parts;
  request.headers["content-type"] = "raw" in body ? body.type : "application/json";
  request.body = "raw" in body ? body.raw : JSON.stringify(body.json);
  return request;
}

/** Values by the name of their field, where the schema alone says too little for a call to succeed. */
export type Samples = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const text = fc.string({ unit: "grapheme", maxLength: 20 });

/** Any value that a schema allows; `samples` take the place of seven in eight of the fields that they name. */
function makeValues(schema: Schema, samples: Samples, name = ""): fc.Arbitrary<unknown> {
  const free = makeFreeValues(schema, samples);
  const sample = samples[name];
  return sample === undefined ? free : fc.oneof({ weight: 7, arbitrary: sample }, { weight: 1, arbitrary: free });
}

function makeFreeValues(schema: Schema, samples: Samples): fc.Arbitrary<unknown> {
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if (Array.isArray(schema.anyOf)) {
    return fc.oneof(...(schema.anyOf as Schema[]).map((each) => makeValues(each, samples)));
  }
  if (Array.isArray(schema.type)) {
    return fc.oneof(...(schema.type as string[]).map((type) => makeValues({ ...schema, type }, samples)));
  }
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({
        min: Number(schema.minimum ?? -1_000),
        max: Math.min(Number(schema.maximum ?? 1_000), 2 ** 31 - 1),
      });
    case "number":
      return fc.double({ min: Number(schema.minimum ?? -1e6), max: Number(schema.maximum ?? 1e6), noNaN: true });
    case "string":
      return makeStrings(schema);
    case "array":
      return fc.array(makeValues(schema.items as Schema, samples), {
        minLength: Number(schema.minItems ?? 0),
        maxLength: Math.min(Number(schema.maxItems ?? 3), 3),
      });
    case "object":
      return makeObjects(schema, samples);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function makeStrings(schema: Schema): fc.Arbitrary<string> {
  const minLength = Number(schema.minLength ?? 0);
  const maxLength = Number(schema.maxLength ?? 1_000);
  if (schema.format === "date-time") {
    const span = { min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true };
    return fc.date(span).map((date) => date.toISOString());
  }
  if (typeof schema.pattern === "string") {
    return fc
      .stringMatching(new RegExp(schema.pattern, "u"), { maxLength: 64 })
      .filter((value) => value.length >= minLength && value.length <= maxLength);
  }
  return text.filter((value) => value.length >= minLength && value.length <= maxLength);
}

function makeObjects(schema: Schema, samples: Samples): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema.properties as Record<string, Schema> | undefined) ?? {});
  if (properties.length === 0 && typeof schema.additionalProperties === "object") {
    const names = makeStrings({ ...(schema.propertyNames as Schema | undefined) });
    return fc.dictionary(names, makeValues(schema.additionalProperties as Schema, samples), { maxKeys: 3 });
  }
  const required = (schema.required as string[] | undefined) ?? [];
  return fc
    .record(Object.fromEntries(properties.map(([name, each]) => [name, makeValues(each, samples, name)])), {
      requiredKeys: required,
      noNullPrototype: true,
    })
    .chain((value) => {
      // All optional fields at once are hardly ever right together: most requests have few.
      const optional = Object.keys(value).filter((name) => !required.includes(name));
      return fc.subarray(optional, { maxLength: Math.min(optional.length, 3) }).map((kept) => {
        const chosen = [...required, ...kept];
        return Object.fromEntries(Object.entries(value).filter(([name]) => chosen.includes(name)));
      });
    });
}

/** A request that the document allows. */
export function makeValidRequests({ operation }: Operation, samples: Samples): fc.Arbitrary<RequestParts> {
  const { parameters = [], requestBody } = operation;
  const values = parameters.map((parameter) => {
    const value = makeValues(parameter.schema, samples, parameter.name);
    return parameter.required ? value : fc.option(value, { nil: undefined, freq: 2 });
  });
  const schema = requestBody?.content["application/json"]?.schema;
  const body = schema === undefined ? fc.constant(undefined) : makeValues(schema, samples);
  return fc.tuple(fc.tuple(...values), body).map(([chosen, json]) => {
    const parts: RequestParts = { path: {}, query: [], headers: {} };
    for (const [index, { name, in: place }] of parameters.entries()) {
      const value: unknown = chosen[index];
      if (value === undefined) continue;
      if (place === "path") parts.path[name] = String(value);
      else if (place === "header") parts.headers[name] = String(value).replace(/[^\x21-\x7e]/g, "x") || "x";
      else parts.query.push(...makePairs(name, value));
    }
    if (schema !== undefined) parts.body = { json };
    return parts;
  });
}

function makePairs(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.map((each) => [name, String(each)]);
  if (typeof value !== "object" || value === null) return [[name, String(value)]];
  return Object.entries(value).map(([key, inner]) => [`${name}[${key}]`, String(inner)]);
}

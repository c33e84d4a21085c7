import type { AnyTRPCRouter } from "@trpc/server";
import { z } from "zod";
import { type JsonSchema, makeJsonSchema } from "./json-schema.ts";
import { findProcedureMeta, type RestOperation } from "./trpc.ts";

/** Inputs that REST sends as a header, by the header's name. */
export const headerFields = { "idempotency-key": "idempotency_key", "if-match": "if_match" } as const;
type HeaderName = keyof typeof headerFields;

/** One REST call: what it looks like, and where each field of its procedure's input comes from. */
export interface RestRoute {
  /** The procedure, like `keys.create`. */
  name: string;
  type: "query" | "mutation";
  operation: RestOperation;
  /** What it answers when all is well. */
  status: number;
  pathFields: readonly string[];
  headers: readonly HeaderName[];
  /** Empty where the call has a body. */
  queryFields: ReadonlyMap<string, JsonSchema>;
  hasBody: boolean;
  /** Every field of the input. */
  fields: Readonly<Record<string, JsonSchema>>;
  /** The input without what path and headers carry. */
  rest: JsonSchema;
  answer: JsonSchema;
}

/** All REST calls of a router. @throws where a procedure's metadata and its schemas do not fit: a mistake in the code. */
export function makeRestRoutes(router: AnyTRPCRouter): RestRoute[] {
  return Object.keys(router._def.procedures).flatMap((name) => {
    const meta = findProcedureMeta(router, name);
    return meta?.openapi === undefined ? [] : [makeRoute(router, name, meta.openapi, meta.status ?? 200)];
  });
}

function makeRoute(router: AnyTRPCRouter, name: string, operation: RestOperation, status: number): RestRoute {
  const { inputs, output, type } = router._def.procedures[name]._def;
  const [input = z.strictObject({})] = inputs;
  if (inputs.length > 1 || output === undefined) throw new Error(`${name} needs one input schema and an output schema`);
  const schema = makeJsonSchema(input, "input");
  const properties: Record<string, JsonSchema> = { ...(schema.properties as Record<string, JsonSchema> | undefined) };
  const pathFields = [...operation.path.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1] as string);
  const headers = (Object.keys(headerFields) as HeaderName[]).filter((header) => headerFields[header] in properties);
  for (const field of pathFields) {
    if (!(field in properties)) throw new Error(`${name}: the path names ${field}, the input does not`);
  }
  const elsewhere = [...pathFields, ...headers.map((header) => headerFields[header])];
  const fields = Object.entries(properties).filter(([field]) => !elsewhere.includes(field));
  const hasBody = operation.method !== "GET" && operation.method !== "DELETE";
  const { required: allRequired = [], ...rest } = schema;
  const required = allRequired.filter((field) => !elsewhere.includes(field));
  return {
    name,
    type,
    operation,
    status,
    pathFields,
    headers,
    queryFields: new Map(hasBody ? [] : fields),
    hasBody,
    fields: properties,
    rest: { ...rest, properties: Object.fromEntries(fields), ...(required.length === 0 ? {} : { required }) },
    answer: makeJsonSchema(output, "output"),
  };
}

/** A value in a path, as it is written: no escapes, no dots, nothing that another parser could read in another way. */
const pathValue = /^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$/;

/** Finds the call of a method and path; case and slashes count, and a path without parameters comes before one with. */
export function makeRestMatcher(
  routes: readonly RestRoute[],
): (method: string, path: string) => { route: RestRoute; params: Record<string, string> } | null {
  const exact = new Map<string, RestRoute>();
  const patterns = new Map<string, { route: RestRoute; parts: string[] }[]>();
  for (const route of routes) {
    const { method, path } = route.operation;
    const place = route.pathFields.length === 0 ? `${method} ${path}` : null;
    if (place !== null && exact.has(place)) throw new Error(`${place} is the path of two procedures`);
    if (place !== null) exact.set(place, route);
    else patterns.set(method, [...(patterns.get(method) ?? []), { route, parts: path.split("/") }]);
  }
  return (method, path) => {
    const route = exact.get(`${method} ${path}`);
    if (route !== undefined) return { route, params: {} };
    const values = path.split("/");
    for (const pattern of patterns.get(method) ?? []) {
      const params = parsePath(pattern.parts, values);
      if (params !== null) return { route: pattern.route, params };
    }
    return null;
  };
}

function parsePath(parts: readonly string[], values: readonly string[]): Record<string, string> | null {
  if (parts.length !== values.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const value = values[index] ?? "";
    if (!part.startsWith("{")) {
      if (part !== value) return null;
    } else if (pathValue.test(value)) params[part.slice(1, -1)] = value;
    else return null;
  }
  return params;
}

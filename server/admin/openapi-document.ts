import { STATUS_CODES } from "node:http";
import { errorTable } from "../core/error.ts";
import { getSessionCookieName } from "./auth/session-cookie.ts";
import { type JsonSchema, makeJsonSchema } from "./json-schema.ts";
import { examples } from "./openapi-examples.ts";
import { errorAnswer } from "./refusal.ts";
import { headerFields, makeRestRoutes, type RestRoute } from "./rest-route.ts";
import { appRouter } from "./router.ts";
import { listStreamFields, type StreamRoute } from "./stream-route.ts";
import { streamRoutes } from "./stream-routes.ts";

interface OpenApiParameter {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description: string;
  style?: string;
  explode?: boolean;
  schema: JsonSchema;
}

type OpenApiContent = Record<string, { schema: JsonSchema; examples?: Record<string, unknown> }>;

export interface OpenApiOperation {
  operationId: string;
  summary: string;
  description?: string;
  tags: readonly string[];
  /** The same call in tRPC; streams have none. */
  "x-procedure"?: string;
  parameters?: OpenApiParameter[];
  requestBody?: { required: boolean; content: OpenApiContent };
  responses: Record<string, { description: string; headers?: Record<string, unknown>; content?: OpenApiContent }>;
}

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; description: string; version: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  /** Operations by path and method in lower case. */
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown> };
}

/**
 * The OpenAPI 3.1 document of the REST surface.
 *
 * @param baseUrl where `/admin` is reached, without a trailing slash; empty for the host that the document came from.
 */
export function makeOpenApiDocument(version: string, baseUrl: string): OpenApiDocument {
  const paths: OpenApiDocument["paths"] = {};
  for (const route of makeRestRoutes(appRouter)) {
    const { method, path } = route.operation;
    paths[path] = { ...paths[path], [method.toLowerCase()]: makeOperation(route) };
  }
  for (const route of streamRoutes) paths[route.path] = { ...paths[route.path], get: makeStreamOperation(route) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Tollgate admin API",
      description:
        "Keys, usage and what goes with them. Authenticate with a key that has `admin:keys` or `admin:usage`, or be signed in. " +
        "Money is a decimal string in USD, an instant RFC 3339 in UTC. " +
        "The same calls are procedures of tRPC under `/trpc`, named by `x-procedure`.",
      version,
    },
    servers: [{ url: `${baseUrl}/admin` }],
    security: [{ bearer: [] }, { session: [] }],
    paths,
    components: {
      schemas: { Error: makeJsonSchema(errorAnswer, "output") },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A key with `admin:keys` or `admin:usage`." },
        session: { type: "apiKey", in: "cookie", name: sessionCookie, description: "A signed-in dashboard session." },
      },
    },
  };
}

/** Over plain HTTP without its first part, which browsers keep to encrypted hosts. */
const sessionCookie = getSessionCookieName(true);

function makeOperation(route: RestRoute): OpenApiOperation {
  const { operationId, summary, description, tags } = route.operation;
  const parameters = makeParameters(route);
  const body = makeBody(route);
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags,
    "x-procedure": route.name,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === null ? {} : { requestBody: body }),
    responses: makeResponses(route),
  };
}

function makeStreamOperation(route: StreamRoute): OpenApiOperation {
  const { operationId, summary, tags, mediaType } = route;
  const refusals = [400, 401, 403, 404, 422, 503];
  return {
    operationId,
    summary,
    tags,
    parameters: [...listStreamFields(route)].map(([name, schema]) => makeParameter("query", name, schema, false)),
    responses: {
      200: { description: "A stream.", content: { [mediaType]: { schema: { type: "string" } } } },
      ...Object.fromEntries(refusals.map((status) => [status, makeRefusalResponse(status)])),
    },
  };
}

function makeParameter(
  where: OpenApiParameter["in"],
  name: string,
  schema: JsonSchema,
  required: boolean,
): OpenApiParameter {
  const { description, ...rest } = schema;
  const style = rest.type === "object" ? { style: "deepObject", explode: true } : {};
  return { name, in: where, required, description: description ?? "", ...style, schema: rest };
}

function makeParameters(route: RestRoute): OpenApiParameter[] {
  const required = route.rest.required ?? [];
  return [
    ...route.pathFields.map((name) => makeParameter("path", name, route.fields[name] ?? {}, true)),
    ...[...route.queryFields].map(([name, schema]) => makeParameter("query", name, schema, required.includes(name))),
    ...route.headers.map((header) => {
      const name = header.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
      return makeParameter("header", name, route.fields[headerFields[header]] ?? {}, false);
    }),
  ];
}

function makeBody(route: RestRoute): Required<OpenApiOperation>["requestBody"] | null {
  if (!route.hasBody || Object.keys(route.rest.properties ?? {}).length === 0) return null;
  const example = examples[route.operation.operationId];
  return {
    required: (route.rest.required ?? []).length > 0,
    content: {
      "application/json": { schema: route.rest, ...(example === undefined ? {} : { examples: example.requests }) },
    },
  };
}

function makeResponses(route: RestRoute): OpenApiOperation["responses"] {
  const example = examples[route.operation.operationId];
  const answer = {
    "application/json": {
      schema: route.answer,
      ...(example === undefined ? {} : { examples: example.answers }),
    },
  };
  return {
    [route.status]:
      route.status === 204
        ? { description: "Done." }
        : { description: STATUS_CODES[route.status] ?? "Done.", content: answer },
    ...Object.fromEntries(listRefusals(route).map((status) => [status, makeRefusalResponse(status)])),
  };
}

/** What a call can be refused with, from its shape; what else it can, its metadata says. */
function listRefusals(route: RestRoute): number[] {
  const { refusals = [] } = route.operation;
  const statuses = [400, 401, 403, 422, 503, ...refusals];
  if (route.pathFields.length > 0) statuses.push(404);
  if (route.hasBody) statuses.push(413, 415);
  if (route.type === "mutation") statuses.push(409);
  return [...new Set(statuses)].sort((one, other) => one - other);
}

function makeRefusalResponse(status: number) {
  const codes = Object.entries(errorTable).filter(([, row]) => row.status === status);
  const headers = {
    ...(status === 401 ? { "WWW-Authenticate": { schema: { type: "string", const: "Bearer" } } } : {}),
    ...(status === 429 || status === 503
      ? { "Retry-After": { description: "Seconds.", schema: { type: "integer" } } }
      : {}),
  };
  return {
    description: `${STATUS_CODES[status]}: ${codes.map(([code]) => `\`${code}\``).join(", ")}`,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
}

import type { Request, Response } from "express";
import express from "express";
import { AppError } from "../core/error.ts";
import type { JsonSchema } from "./json-schema.ts";
import { makeValidationError } from "./refusal.ts";
import { headerFields, type RestRoute } from "./rest-route.ts";

/** Deeper than any input; the validators call themselves for each level. */
const depthMax = 32;
const bodyBytesMax = 256 * 1024;
const parseJson = express.json({ limit: bodyBytesMax, inflate: false });

/**
 * Reads a request's body and brings all that it says into the form of the procedure's input. Each field has one place
 * (path, header, query or body); what stands anywhere else is refused, so that no two readers of a request can take
 * different values from it.
 *
 * @throws AppError `invalid_request`, `body_too_large`, `unsupported_media_type`, `validation_failed`.
 */
export async function loadRestInput(
  route: RestRoute,
  params: Readonly<Record<string, string>>,
  req: Request,
  res: Response,
): Promise<Record<string, unknown>> {
  const query = parseQuery(new URL(req.url, "http://localhost").searchParams, route.queryFields);
  const placed = { ...params, ...parseHeaderFields(route, req) };
  const body = await loadBody(route, req, res);
  const doubled = [...Object.keys(query), ...Object.keys(body)].filter((name) => isPlacedElsewhere(route, name));
  const misplaced = route.hasBody ? Object.keys(query) : [];
  if (doubled.length + misplaced.length > 0) {
    throw makeValidationError([
      ...doubled.map((name) => ({ path: name.slice(0, 100), message: "belongs in the path or a header of this call" })),
      ...misplaced.map((name) => ({ path: name.slice(0, 100), message: "this call takes no query parameters" })),
    ]);
  }
  return { ...query, ...body, ...placed };
}

function isPlacedElsewhere(route: RestRoute, name: string): boolean {
  return route.pathFields.includes(name) || route.headers.some((header) => headerFields[header] === name);
}

async function loadBody(route: RestRoute, req: Request, res: Response): Promise<Record<string, unknown>> {
  if (req.headers["transfer-encoding"] === undefined && Number(req.headers["content-length"] ?? 0) === 0) return {};
  if (!route.hasBody) throw new AppError("invalid_request", "This call takes no body.");
  await new Promise<void>((resolve, reject) => {
    parseJson(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(parseBodyError(error))));
  });
  const body: unknown = req.body;
  if (body === undefined) throw new AppError("unsupported_media_type");
  if (isDeep(body, depthMax)) {
    throw new AppError("invalid_request", `The body nests deeper than ${depthMax} levels.`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw makeValidationError([{ path: "", message: "the body must be an object" }]);
  }
  return { ...body };
}

/** What Express's own body parser threw, as a refusal; anything else as it is. */
function parseBodyError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("the body parser failed", { cause: error });
  switch ("status" in error ? error.status : undefined) {
    case 413:
      return new AppError("body_too_large");
    case 415:
      return new AppError("unsupported_media_type");
    case 400:
      return new AppError("invalid_request", "The body is not valid JSON.");
    default:
      return error;
  }
}

function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeep(inner, levels - 1));
}

function parseHeaderFields(route: RestRoute, req: Request): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const header of route.headers) {
    const value = req.headers[header];
    if (typeof value !== "string" || (header === "if-match" && value.trim() === "*")) continue;
    // An entity tag is written in quotes; a version as it stands.
    fields[headerFields[header]] = header === "if-match" ? value.trim().replace(/^(?:W\/)?"(.*)"$/, "$1") : value;
  }
  return fields;
}

/** `tag[NAME]=VALUE` becomes an object, a repeated name a list, and digits a number where the schema wants one. */
export function parseQuery(params: URLSearchParams, fields: RestRoute["queryFields"]): Record<string, unknown> {
  const lists: Record<string, string[]> = Object.create(null);
  const objects: Record<string, Record<string, string>> = Object.create(null);
  for (const [name, value] of params) {
    const match = /^([a-z_]+)\[([^[\]]*)\]$/.exec(name);
    if (match === null) {
      lists[name] ??= [];
      lists[name].push(value);
      continue;
    }
    const [, field = "", key = ""] = match;
    objects[field] ??= Object.create(null) as Record<string, string>;
    if (key in objects[field]) {
      throw makeValidationError([{ path: `${field}.${key}`.slice(0, 100), message: "must be given once" }]);
    }
    objects[field][key] = value;
  }
  const query: Record<string, unknown> = Object.create(null);
  for (const [name, values] of Object.entries(lists)) query[name] = parseValues(values, fields.get(name));
  for (const [name, object] of Object.entries(objects)) {
    if (name in query) throw makeValidationError([{ path: name, message: "must be given in one way" }]);
    query[name] = { ...object };
  }
  return query;
}

function parseValues(values: readonly string[], schema: JsonSchema | undefined): unknown {
  if (schema?.type === "array") return values;
  const [value] = values;
  if (values.length > 1 || value === undefined) return values;
  if (schema?.type === "boolean" && (value === "true" || value === "false")) return value === "true";
  if (schema?.type === "integer" && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (schema?.type === "number" && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return Number(value);
  return value;
}

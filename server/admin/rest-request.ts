import type { NextFunction, Request, Response } from "express";
import { AppError } from "../core/error.ts";

/** Deeper than any input; the validators call themselves for each level. */
const depthMax = 32;

/** Headers that are fields of an input. */
const headerFields = { "idempotency-key": "idempotency_key", "if-match": "if_match" } as const;

/**
 * Brings a REST request into the form of a procedure's input: `tag[NAME]=VALUE` becomes an object, the headers that
 * mean something become fields, and a call without a body counts as one with an empty object.
 */
export function handleRestRequest(req: Request, _res: Response, next: NextFunction): void {
  const url = new URL(`http://localhost${req.url}`);
  // Express reads the query anew at each access; what is defined on the request itself comes first.
  Object.defineProperty(req, "query", { value: parseQuery(url.searchParams), configurable: true });
  if (req.method === "POST" || req.method === "PATCH") {
    if (req.body === undefined && !hasBody(req)) {
      req.headers["content-type"] = "application/json";
      req.body = {};
    }
    if (isDeep(req.body, depthMax)) {
      throw new AppError("invalid_request", `The body nests deeper than ${depthMax} levels.`);
    }
    if (typeof req.body === "object" && req.body !== null && !Array.isArray(req.body)) {
      req.body = { ...req.body, ...parseHeaderFields(req) };
    }
  }
  next();
}

function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeep(inner, levels - 1));
}

function hasBody(req: Request): boolean {
  return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
}

function parseHeaderFields(req: Request): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [header, field] of Object.entries(headerFields)) {
    const value = req.headers[header];
    if (typeof value !== "string" || (header === "if-match" && value.trim() === "*")) continue;
    // An entity tag is written in quotes; a version as it stands.
    fields[field] = header === "if-match" ? value.trim().replace(/^(?:W\/)?"(.*)"$/, "$1") : value;
  }
  return fields;
}

function parseQuery(params: URLSearchParams): Record<string, unknown> {
  const query: Record<string, string | string[]> = Object.create(null);
  const nested: Record<string, Record<string, string>> = Object.create(null);
  for (const [name, value] of params) {
    const match = /^([a-z_]+)\[([^[\]]*)\]$/.exec(name);
    if (match === null) {
      const earlier = query[name];
      query[name] = earlier === undefined ? value : [earlier, value].flat();
      continue;
    }
    const [, field = "", key = ""] = match;
    nested[field] ??= Object.create(null) as Record<string, string>;
    nested[field][key] = value;
  }
  return { ...query, ...Object.fromEntries(Object.entries(nested).map(([field, fields]) => [field, { ...fields }])) };
}

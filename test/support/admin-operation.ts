import type { AnyTRPCRouter } from "@trpc/server";
import { headerFields, makeRestRoutes, type RestRoute } from "../../server/admin/rest-route.ts";
import { appRouter } from "../../server/admin/router.ts";

/** A request to the admin API, ready for `fetch`. */
export interface AdminRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** Every procedure that is a REST call too. */
export const restRoutes: readonly RestRoute[] = makeRestRoutes(appRouter);

/** Every procedure, with what it is. */
export const procedures: readonly { name: string; type: "query" | "mutation" }[] = Object.entries(
  (appRouter as AnyTRPCRouter)._def.procedures as Record<string, { _def: { type: "query" | "mutation" } }>,
).map(([name, { _def }]) => ({ name, type: _def.type }));

export function getRestRoute(name: string): RestRoute {
  const route = restRoutes.find((each) => each.name === name);
  if (route === undefined) throw new Error(`${name} is no REST call`);
  return route;
}

/** Puts each field of an input in its place: path, header, query or body. */
export function makeRestRequest(route: RestRoute, input: Readonly<Record<string, unknown>>): AdminRequest {
  const rest = new Map(Object.entries(input));
  let path: string = route.operation.path;
  for (const field of route.pathFields) {
    path = path.replace(`{${field}}`, encodeURIComponent(String(rest.get(field))));
    rest.delete(field);
  }
  const headers: Record<string, string> = {};
  for (const header of route.headers) {
    const value = rest.get(headerFields[header]);
    rest.delete(headerFields[header]);
    if (value !== undefined) headers[header] = String(value);
  }
  const request: AdminRequest = { method: route.operation.method, path: `/admin${path}`, headers };
  if (route.hasBody) {
    request.body = JSON.stringify(Object.fromEntries(rest));
    headers["content-type"] = "application/json";
  } else if (rest.size > 0) request.path += `?${makeQuery(rest)}`;
  return request;
}

function makeQuery(fields: ReadonlyMap<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of fields) {
    if (Array.isArray(value)) for (const each of value) params.append(name, String(each));
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) params.append(`${name}[${key}]`, String(inner));
    } else params.append(name, String(value));
  }
  return params.toString();
}

/** The same call in tRPC. */
export function makeTrpcRequest(name: string, input: unknown): AdminRequest {
  const type = procedures.find((each) => each.name === name)?.type;
  if (type === undefined) throw new Error(`there is no procedure ${name}`);
  const text = JSON.stringify(input);
  return type === "query"
    ? { method: "GET", path: `/trpc/${name}?input=${encodeURIComponent(text)}`, headers: {} }
    : { method: "POST", path: `/trpc/${name}`, headers: { "content-type": "application/json" }, body: text };
}

export interface AdminAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/** Sends one to a gateway, as whoever the headers say. */
export async function sendAdminRequest(
  url: string,
  request: AdminRequest,
  caller: Readonly<Record<string, string>>,
): Promise<AdminAnswer> {
  const response = await fetch(url + request.path, {
    method: request.method,
    headers: { ...request.headers, ...caller },
    body: request.body ?? null,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

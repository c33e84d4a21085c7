import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Express } from "express";

/** Slow senders are cut: Node's own defaults are 60 s for the head and 300 s for all of it. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 120_000;
const keepAliveTimeoutMs = 75_000;
const slash = 0x2f;
const schemeAndHost = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** Answers one request; never rejects. */
export type HotHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Makes the HTTP server of an Express application.
 *
 * @param hotRoutes handlers by the exact URL of a POST. They are called before Express sees the request: its prototypes,
 * its router and the properties that it adds to every request cost more than all of our own judging of it (see ADR 0006).
 * Every other spelling of the same path reaches the same handler through Express.
 */
export function makeHttpServer(app: Express, hotRoutes: ReadonlyMap<string, HotHandler>): Server {
  return createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs },
    (request, response) => {
      const hot = request.method === "POST" ? hotRoutes.get(request.url as string) : undefined;
      if (hot === undefined) app(replaceAbsoluteForm(request), response);
      else void hot(request, response);
    },
  );
}

/**
 * A request line may name scheme and host too (RFC 9112, 3.2.2). Routes are found by the path alone, whoever is named, and
 * nobody behind this has to understand `https://user:password@host/path`.
 */
function replaceAbsoluteForm(request: IncomingMessage): IncomingMessage {
  const { url = "" } = request;
  if (url.charCodeAt(0) !== slash) request.url = url.replace(schemeAndHost, "").replace(/^(?=\?|$)/, "/");
  return request;
}

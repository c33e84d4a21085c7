import { createServer, IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Express } from "express";

/** Slow senders are cut: Node's own defaults are 60 s for the head and 300 s for all of it. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 120_000;
const keepAliveTimeoutMs = 75_000;
const slash = 0x2f;
const schemeAndHost = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
const nodeMajor = Number(process.versions.node.split(".")[0]);

type MessageConstructor = (this: object, ...args: unknown[]) => void;

/**
 * Makes the HTTP server of an Express application.
 *
 * Express puts its own prototypes under every request and response. On Node < 24 that costs 60 us a request, because
 * changing an object's prototype throws away what the engine knew of it; so there they are born with it (+4-6 us).
 */
export function makeHttpServer(app: Express): Server {
  const options = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
  };
  // A request line may name scheme and host too (RFC 9112, 3.2.2). Routes are found by the path alone, whoever is named,
  // and nobody behind this has to understand `https://user:password@host/path`.
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = "" } = request;
    if (url.charCodeAt(0) !== slash) request.url = url.replace(schemeAndHost, "").replace(/^(?=\?|$)/, "/");
    app(request, response);
  };
  if (nodeMajor >= 24) return createServer(options, handle);
  function AppRequest(this: object, socket: Socket): void {
    (IncomingMessage as unknown as MessageConstructor).call(this, socket);
  }
  AppRequest.prototype = app.request;
  function AppResponse(this: object, request: IncomingMessage, responseOptions: unknown): void {
    (ServerResponse as unknown as MessageConstructor).call(this, request, responseOptions);
  }
  AppResponse.prototype = app.response;
  return createServer(
    {
      ...options,
      IncomingMessage: AppRequest as unknown as typeof IncomingMessage,
      ServerResponse: AppResponse as unknown as typeof ServerResponse,
    },
    handle,
  );
}

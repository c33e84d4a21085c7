import { createServer, IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Express } from "express";

/** Slow senders are cut: Node's own defaults are 60 s for the head and 300 s for all of it. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 120_000;
const keepAliveTimeoutMs = 75_000;
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
  if (nodeMajor >= 24) return createServer(options, app);
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
    app,
  );
}

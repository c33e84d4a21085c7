import assert from "node:assert/strict";
import { Pool } from "undici";
import type { Clock } from "../platform/clock.ts";
import type { Provider, ProviderTarget, UpstreamCall, UpstreamRequest, UpstreamSink, WireEndpoint } from "./types.ts";
import { type AttemptRoute, UpstreamAttempt } from "./upstream-attempt.ts";
import { makeUpstreamHeaders } from "./upstream-headers.ts";
import { openDeadlines } from "./upstream-timeouts.ts";

export interface UpstreamOptions {
  clock: Clock;
  /** Open connections to one origin; a call that finds none free waits, at most its `connectMs`. Default 256. */
  connectionsPerOriginMax?: number;
  /** Largest body of one answer. Default 64 MiB. */
  answerBytesMax?: number;
  /** How long an idle connection is kept, unless the upstream asks for less. Default 4 s: uvicorn closes at 5. */
  keepAliveMs?: number;
}

const headBytesMax = 32 * 1024;
const endpointPaths: Readonly<Record<WireEndpoint, string>> = {
  chat_completions: "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
};

interface Route extends AttemptRoute {
  pool: Pool;
  basePath: string;
}

/**
 * Opens the provider for every OpenAI-shaped upstream. Bytes go both ways untouched; redirects are not followed; a
 * connection is only ever made to a target's own origin. Each time-out ends the attempt by its own failure kind, never
 * early, and late by at most the larger of 5 ms and 1/40 of the shortest time-out.
 */
export function openUpstream(options: UpstreamOptions): Provider {
  const { clock, connectionsPerOriginMax = 256, answerBytesMax = 64 * 1024 * 1024, keepAliveMs = 4_000 } = options;
  const deadlines = openDeadlines(clock);
  const pools = new Map<string, Pool>();
  const routes = new WeakMap<ProviderTarget, Route>();

  // undici fixes the connect time-out per pool, and only it can end a connection that hangs while it is being made.
  const openPool = (origin: string, connectMs: number): Pool => {
    const key = `${origin} ${connectMs}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: connectionsPerOriginMax,
        pipelining: 1,
        connect: { timeout: connectMs },
        // Ours are exact and cost less; undici's timers look twice a second.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        keepAliveMaxTimeout: keepAliveMs,
        maxHeaderSize: headBytesMax,
        maxResponseSize: answerBytesMax,
      });
      pools.set(key, pool);
    }
    return pool;
  };

  const openRoute = (target: ProviderTarget): Route => {
    assert(target.origin !== null, "a target without an origin is not for an upstream");
    const { timeouts, basePath } = target;
    deadlines.setShortest(Math.min(timeouts.connectMs, timeouts.firstByteMs, timeouts.idleMs, timeouts.totalMs));
    const pool = openPool(target.origin, timeouts.connectMs);
    const route = { host: new URL(target.origin).host, timeouts, clock, deadlines, answerBytesMax, pool, basePath };
    routes.set(target, route);
    return route;
  };

  return {
    send(target: ProviderTarget, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
      const route = routes.get(target) ?? openRoute(target);
      const attempt = new UpstreamAttempt(route, sink);
      route.pool.dispatch(
        {
          method: "POST",
          path: route.basePath + endpointPaths[request.endpoint],
          headers: makeUpstreamHeaders(target, request),
          body: request.body,
        },
        attempt,
      );
      return attempt;
    },

    async close(): Promise<void> {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      deadlines.close();
    },
  };
}

import { type Response, Router } from "express";
import type { Clock } from "../platform/clock.ts";
import { type MetricsDeps, makeMetricsHandler } from "./metrics.ts";
import { makeProbe } from "./probe.ts";

type PartState = "ok" | "error" | "not_configured";

export interface OperationsDeps extends MetricsDeps {
  clock: Clock;
  version: string;
  getConfigHash: () => string;
  /** How long PostgreSQL may be away before this gateway says that it is not ready. */
  graceMs: number;
  /** False until migrations have run and everything is opened. */
  isStarted(): boolean;
  isDraining(): boolean;
  /** Rejects where PostgreSQL does not answer. */
  checkPostgres(): Promise<unknown>;
  /** Rejects where Redis does not answer; `null` where there is none. */
  checkRedis: (() => Promise<unknown>) | null;
  /** Rejects where Redis may throw away what it was given; `null` where there is none. */
  checkRedisPolicy: (() => Promise<unknown>) | null;
  /** Whether the workers that this process started are up; `null` where they run elsewhere. */
  areWorkersUp: (() => boolean) | null;
}

/**
 * The operations routes. They need no key, so they say up or down and nothing else, and cost the stores at most one
 * query a second however often they are asked.
 *
 * `/livez` process turns · `/readyz` send requests here · `/health` every part · `/status` which release and config ·
 * `/metrics` for Prometheus, from this machine or with a key.
 */
export function makeOperationsRouter(deps: OperationsDeps): Router {
  const router = Router({ caseSensitive: true });
  const postgres = makeProbe(() => deps.checkPostgres(), deps.clock);
  const { checkRedis, checkRedisPolicy } = deps;
  const redis = checkRedis === null ? null : makeProbe(() => checkRedis(), deps.clock);

  const policy = checkRedisPolicy === null ? null : makeProbe(() => checkRedisPolicy(), deps.clock);

  router.get("/livez", (_request, response) => sendText(response, 200, "ok"));

  router.get("/readyz", async (_request, response) => {
    if (deps.isDraining()) return sendText(response, 503, "draining");
    if (!deps.isStarted()) return sendText(response, 503, "starting");
    // Behind a load balancer this is seen before limits and jobs get lost.
    if ((await policy?.ask()) === false) return sendText(response, 503, "redis: maxmemory-policy is not noeviction");
    const isUp = await postgres.ask();
    const isReady = isUp || postgres.failingForMs() <= deps.graceMs;
    return isReady ? sendText(response, 200, "ok") : sendText(response, 503, "postgres");
  });

  router.get("/health", async (_request, response) => {
    const [isPostgresUp, isRedisUp] = await Promise.all([postgres.ask(), redis?.ask() ?? null]);
    const parts: Record<string, PartState> = {
      gateway: deps.isStarted() && !deps.isDraining() ? "ok" : "error",
      postgres: toState(isPostgresUp),
      redis: toState(isRedisUp),
      workers: toState(deps.areWorkersUp?.() ?? null),
    };
    const isWell = Object.values(parts).every((state) => state !== "error");
    response.setHeader("cache-control", "no-store");
    response.status(isWell ? 200 : 503).json(parts);
  });

  router.get("/status", (_request, response) => {
    response.setHeader("cache-control", "no-store");
    response.json({ status: "ok", version: deps.version, config_hash: deps.getConfigHash() });
  });

  router.get("/metrics", makeMetricsHandler(deps));
  return router;
}

function toState(isUp: boolean | null): PartState {
  if (isUp === null) return "not_configured";
  return isUp ? "ok" : "error";
}

function sendText(response: Response, status: number, text: string): void {
  response.setHeader("cache-control", "no-store");
  response.status(status).type("text/plain").send(`${text}\n`);
}

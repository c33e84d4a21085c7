import assert from "node:assert/strict";
import type { Clock } from "../platform/clock.ts";
import type { Provider, ProviderTarget, UpstreamCall, UpstreamRequest, UpstreamSink, WireEndpoint } from "./types.ts";
import { type AttemptRoute, UpstreamAttempt } from "./upstream-attempt.ts";
import { type Connections, openConnections } from "./upstream-connections.ts";
import { makeUpstreamHeaders } from "./upstream-headers.ts";
import { openDeadlines } from "./upstream-timeouts.ts";

export interface UpstreamOptions {
  clock: Clock;
  /** Open connections to one origin; a call that finds none free waits, at most its `connectMs`. Default 256. */
  connectionsPerOriginMax?: number;
  /** Largest body of one answer that is not an event stream. Default 64 MiB. */
  answerBytesMax?: number;
  /** How long an idle connection is kept, unless the upstream asks for less. Default 4 s: uvicorn closes at 5. */
  keepAliveMs?: number;
}

const headBytesMax = 32 * 1024;
const endpointPaths: Readonly<Record<WireEndpoint, string>> = {
  chat_completions: "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
  responses: "/responses",
  messages: "/messages",
  count_tokens: "/messages/count_tokens",
  images_generations: "/images/generations",
  images_edits: "/images/edits",
  images_variations: "/images/variations",
  audio_speech: "/audio/speech",
  audio_transcriptions: "/audio/transcriptions",
  audio_translations: "/audio/translations",
  moderations: "/moderations",
  rerank: "/rerank",
};

/** One HTTP POST to a target's own origin. */
export interface UpstreamPost {
  /** With its query. */
  path: string;
  /** All of its headers but those of the connection, as undici's flat list. */
  headers: string[];
  body: Buffer;
  /** Whether an event stream is asked for, which may be of any length. */
  stream: boolean;
}

export interface Upstream extends Provider {
  /** As {@link Provider.send}, for a request in another shape than OpenAI's. */
  post(target: ProviderTarget, post: UpstreamPost, sink: UpstreamSink): UpstreamCall;
}

/**
 * Opens the provider for every OpenAI-shaped upstream. Bytes go both ways untouched; redirects are not followed; a
 * connection is only ever made to a target's own origin. Each time-out ends the attempt by its own failure kind, never
 * early, and late by at most the larger of 5 ms and 1/40 of the shortest time-out.
 */
export function openUpstream(options: UpstreamOptions): Upstream {
  const { clock, connectionsPerOriginMax = 256, answerBytesMax = 64 * 1024 * 1024, keepAliveMs = 4_000 } = options;
  const deadlines = openDeadlines(clock);
  const origins = new Map<string, Connections>();
  const routes = new WeakMap<ProviderTarget, AttemptRoute>();

  // The connect time-out is fixed per connection, so that targets that differ in it do not share any.
  const findConnections = (origin: string, connectMs: number): Connections => {
    const key = `${origin} ${connectMs}`;
    let connections = origins.get(key);
    if (connections === undefined) {
      connections = openConnections(origin, connectionsPerOriginMax, {
        pipelining: 1,
        // Our own deadlines are exact and cost less: undici's timers look twice a second and may be early. This one
        // only closes the socket of a call that has failed by then.
        connect: { timeout: connectMs + 1_000 },
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        keepAliveMaxTimeout: keepAliveMs,
        maxHeaderSize: headBytesMax,
      });
      origins.set(key, connections);
    }
    return connections;
  };

  const openRoute = (target: ProviderTarget): AttemptRoute => {
    assert(target.origin !== null, "a target without an origin is not for an upstream");
    const { timeouts } = target;
    deadlines.setShortest(Math.min(timeouts.connectMs, timeouts.firstByteMs, timeouts.idleMs, timeouts.totalMs));
    const connections = findConnections(target.origin, timeouts.connectMs);
    const { host } = new URL(target.origin);
    const route = { host, connections, timeouts, clock, deadlines, answerBytesMax };
    routes.set(target, route);
    return route;
  };

  const post = (target: ProviderTarget, { path, headers, body, stream }: UpstreamPost, sink: UpstreamSink) => {
    const route = routes.get(target) ?? openRoute(target);
    const attempt = new UpstreamAttempt(route, { method: "POST", path, headers, body }, stream, sink);
    route.connections.insert(attempt);
    return attempt;
  };

  return {
    post,

    send(target: ProviderTarget, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
      const path = findBasePath(target, request.endpoint) + endpointPaths[request.endpoint] + target.query;
      const { body, stream } = request;
      return post(target, { path, headers: makeUpstreamHeaders(target, request), body, stream }, sink);
    },

    async close(): Promise<void> {
      await Promise.all([...origins.values()].map((connections) => connections.close()));
      deadlines.close();
    },
  };
}

const deploymentPath = /\/openai\/deployments\/[^/]+$/;

/** With an `api-version`, all but the newest of Azure's endpoints belong to a deployment. Source: Azure OpenAI, REST reference. */
function findBasePath({ type, basePath }: ProviderTarget, endpoint: WireEndpoint): string {
  return type === "azure" && endpoint === "responses" ? basePath.replace(deploymentPath, "/openai") : basePath;
}

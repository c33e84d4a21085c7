import type { IncomingMessage, ServerResponse } from "node:http";
import { type NextFunction, type Request, type Response, Router } from "express";
import { makeRefusal } from "../core/error.ts";
import { isRefusal } from "../keys/authenticate.ts";
import { openCaller } from "./caller.ts";
import type { ProxyContext } from "./context.ts";
import { handlePreflight, isPreflight } from "./cors.ts";
import { handleCountTokens } from "./endpoints/count-tokens.ts";
import { handleForwardAuth } from "./endpoints/forward-auth.ts";
import { handleModel, handleModels } from "./endpoints/models.ts";
import { handleOwnKey } from "./endpoints/own-key.ts";
import { handleOwnUsage } from "./endpoints/own-usage.ts";
import { handleVerifyKey } from "./endpoints/verify-key.ts";
import { handleInference } from "./pipeline.ts";
import { respondRefusal } from "./respond.ts";
import { messagesSurface } from "./surfaces/anthropic/messages-surface.ts";
import { chatSurface } from "./surfaces/chat-surface.ts";
import { makePassSurface } from "./surfaces/pass/pass-surface.ts";
import { responsesSurface } from "./surfaces/responses/responses-surface.ts";
import type { Surface } from "./surfaces/surface.ts";
import { inferenceSurface } from "./surfaces/tensorzero/inference-surface.ts";
import { makeTextSurface } from "./surfaces/text-surface.ts";

/** Under each of the prefixes. */
const openAiRoutes: readonly (readonly [path: string, surface: Surface])[] = [
  ["/chat/completions", chatSurface],
  ["/completions", makeTextSurface("completions", "/completions")],
  ["/embeddings", makeTextSurface("embeddings", "/embeddings")],
  ["/responses", responsesSurface],
  ["/images/generations", makePassSurface("images_generations", "/images/generations")],
  ["/images/edits", makePassSurface("images_edits", "/images/edits")],
  ["/images/variations", makePassSurface("images_variations", "/images/variations")],
  ["/audio/speech", makePassSurface("audio_speech", "/audio/speech")],
  ["/audio/transcriptions", makePassSurface("audio_transcriptions", "/audio/transcriptions")],
  ["/audio/translations", makePassSurface("audio_translations", "/audio/translations")],
  ["/moderations", makePassSurface("moderations", "/moderations")],
  ["/rerank", makePassSurface("rerank", "/rerank")],
];

const otherRoutes: readonly (readonly [path: string, surface: Surface])[] = [
  ["/v1/messages", messagesSurface],
  ["/inference", inferenceSurface],
  ["/cloud/ai/infer", chatSurface],
];

const prefixes = ["/v1", "/openai/v1"];

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The calls that must be fast, by their exact path: what a request is held against before anything else. */
export function makeHotRoutes(proxy: ProxyContext): ReadonlyMap<string, Handler> {
  const routes = new Map<string, Handler>();
  const add = (path: string, surface: Surface): void => {
    routes.set(path, (request, response) => handleInference(proxy, surface, request, response));
  };
  for (const prefix of prefixes) {
    for (const [path, surface] of openAiRoutes) add(prefix + path, surface);
  }
  for (const [path, surface] of otherRoutes) add(path, surface);
  routes.set("/v1/messages/count_tokens", (request, response) => handleCountTokens(proxy, request, response));
  // Other servers ask for each of their own requests.
  routes.set("/v1/keys/verify", (request, response) => handleVerifyKey(proxy, request, response));
  return routes;
}

/** The inference API: OpenAI's under `/v1` and `/openai/v1`, others beside it. */
export function makeInferenceRouter(proxy: ProxyContext): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const allowPages = (path: string, methods: string): void => {
    router.options(path, async (request: Request, response: Response, next: NextFunction) => {
      if (isPreflight(request)) await handlePreflight(proxy, request, response, methods);
      else next();
    });
  };
  for (const [path, handle] of makeHotRoutes(proxy)) {
    router.post(path, handle);
    allowPages(path, "POST");
  }
  // Envoy asks with the method of the request that it guards.
  router.all("/v1/keys/forward-auth", (request: Request, response: Response) =>
    handleForwardAuth(proxy, request, response),
  );
  for (const [path, handle] of [
    ["/v1/key", handleOwnKey],
    ["/v1/usage", handleOwnUsage],
  ] as const) {
    router.get(path, (request: Request, response: Response) => handle(proxy, request, response));
    allowPages(path, "GET");
  }
  for (const prefix of prefixes) {
    allowPages(`${prefix}/models`, "GET");
    allowPages(`${prefix}/models/*id`, "GET");
    router.get(`${prefix}/models`, (request: Request, response: Response) => handleModels(proxy, request, response));
    router.get(`${prefix}/models/*id`, (request: Request, response: Response) => handleModel(proxy, request, response));
  }
  // TensorZero's clients send it; nothing here would read it.
  router.post("/feedback", async (request: Request, response: Response) => {
    const caller = await openCaller(proxy, request, response, null, inferenceSurface);
    if (caller === null) return;
    const refusal = makeRefusal("not_found", "Feedback is not supported: this gateway keeps no inferences.");
    const { requestId, corsOrigin } = caller;
    respondRefusal(request, response, requestId, refusal, corsOrigin, [], inferenceSurface.errors);
  });
  // Behind a key, so that nobody without one learns which routes exist.
  router.use(prefixes, async (request: Request, response: Response) => {
    const known = await proxy.authenticate(request, "bearer");
    const refusal = isRefusal(known)
      ? known
      : makeRefusal("not_found", `There is no ${request.method} ${request.baseUrl}${request.path}.`);
    respondRefusal(request, response, proxy.makeEventId(), refusal);
  });
  return router;
}

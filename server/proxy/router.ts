import { type Request, type Response, Router } from "express";
import { makeRefusal } from "../core/error.ts";
import { isRefusal } from "../keys/authenticate.ts";
import type { WireEndpoint } from "../providers/types.ts";
import type { ProxyContext } from "./context.ts";
import { handleModel, handleModels } from "./endpoints/models.ts";
import { handleInference } from "./pipeline.ts";
import { respondRefusal } from "./respond.ts";

const inferenceRoutes: readonly (readonly [path: string, endpoint: WireEndpoint])[] = [
  ["/chat/completions", "chat_completions"],
  ["/completions", "completions"],
  ["/embeddings", "embeddings"],
];

const prefixes = ["/v1", "/openai/v1"];

/**
 * The inference API in OpenAI's shape, under `/v1` and `/openai/v1`. It is one flat router, the hot routes first: a router
 * below a router costs 3 us a request.
 */
export function makeInferenceRouter(proxy: ProxyContext): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const prefix of prefixes) {
    for (const [path, endpoint] of inferenceRoutes) {
      router.post(prefix + path, (request: Request, response: Response) =>
        handleInference(proxy, endpoint, request, response),
      );
    }
    router.get(`${prefix}/models`, (request: Request, response: Response) => handleModels(proxy, request, response));
    router.get(`${prefix}/models/*id`, (request: Request, response: Response) => handleModel(proxy, request, response));
  }
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

import type { Request, Response } from "express";
import { makeRefusal, type Refusal } from "../../core/error.ts";
import { isRefusal } from "../../keys/authenticate.ts";
import type { KnownKey } from "../../keys/known-key.ts";
import { findCallerRefusal, getClientAddress, isModelListed, listAllowedModels } from "../admit.ts";
import type { ProxyContext } from "../context.ts";
import { findModel } from "../resolve.ts";
import { respondJson, respondRefusal } from "../respond.ts";

/** OpenAI's model object. The gateway does not know when a provider made a model; 0 keeps the field's type. */
function makeModelObject(name: string): { id: string; object: "model"; created: number; owned_by: string } {
  return { id: name, object: "model", created: 0, owned_by: "tollgate" };
}

async function findCaller(proxy: ProxyContext, request: Request): Promise<KnownKey | Refusal> {
  const known = await proxy.authenticate(request, "bearer");
  if (isRefusal(known)) return known;
  return findCallerRefusal(known, "ai:inference", getClientAddress(request), request.headers.origin) ?? known;
}

/** `GET /v1/models`: what this key may call. */
export async function handleModels(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const requestId = proxy.makeEventId();
  const known = await findCaller(proxy, request);
  if (isRefusal(known)) return respondRefusal(request, response, requestId, known);
  const data = listAllowedModels(known, proxy.models.list()).map(makeModelObject);
  respondJson(response, requestId, { object: "list", data });
}

/** `GET /v1/models/:id`: one of them; a model that the key may not call does not exist for it. */
export async function handleModel(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const requestId = proxy.makeEventId();
  const known = await findCaller(proxy, request);
  if (isRefusal(known)) return respondRefusal(request, response, requestId, known);
  const { id } = request.params;
  const name = Array.isArray(id) ? id.join("/") : String(id);
  const model = findModel(proxy.models, name);
  if ("code" in model || !isModelListed(known, model.name)) {
    return respondRefusal(
      request,
      response,
      requestId,
      makeRefusal("model_not_found", `The model \`${name}\` does not exist.`, { param: "model" }),
    );
  }
  respondJson(response, requestId, makeModelObject(model.name));
}

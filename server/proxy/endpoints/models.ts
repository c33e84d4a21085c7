import type { Request, Response } from "express";
import { makeRefusal } from "../../core/error.ts";
import { isModelListed, listAllowedModels } from "../admit.ts";
import { openCaller } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import { findModel } from "../resolve.ts";
import { respondJson, respondRefusal } from "../respond.ts";

/** OpenAI's model object. The gateway does not know when a provider made a model; 0 keeps the field's type. */
function makeModelObject(name: string): { id: string; object: "model"; created: number; owned_by: string } {
  return { id: name, object: "model", created: 0, owned_by: "tollgate" };
}

/** `GET /v1/models`: what this key may call. */
export async function handleModels(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const caller = await openCaller(proxy, request, response, "ai:inference");
  if (caller === null) return;
  const data = listAllowedModels(caller.known, proxy.models.list()).map(makeModelObject);
  respondJson(response, caller.requestId, { object: "list", data }, caller.corsOrigin);
}

/** `GET /v1/models/:id`: one of them; a model that the key may not call does not exist for it. */
export async function handleModel(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const caller = await openCaller(proxy, request, response, "ai:inference");
  if (caller === null) return;
  const { id } = request.params;
  const name = Array.isArray(id) ? id.join("/") : String(id);
  const model = findModel(proxy.models, name);
  if ("code" in model || !isModelListed(caller.known, model.name)) {
    const refusal = makeRefusal("model_not_found", `The model \`${name}\` does not exist.`, { param: "model" });
    return respondRefusal(request, response, caller.requestId, refusal, caller.corsOrigin);
  }
  respondJson(response, caller.requestId, makeModelObject(model.name), caller.corsOrigin);
}

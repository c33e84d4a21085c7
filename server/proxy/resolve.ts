import { makeRefusal, type Refusal } from "../core/error.ts";
import type { ModelTable, ResolvedModel } from "../providers/model-table.ts";

/** The model that a request names, or the refusal (404) for a name that leads nowhere. */
export function findModel(models: ModelTable, name: string): ResolvedModel | Refusal {
  const found = models.find(name);
  if (found === null)
    return makeRefusal("model_not_found", `The model \`${name}\` does not exist.`, { param: "model" });
  if ("credentialMissing" in found) {
    const message = `The model \`${name}\` does not exist: the provider \`${found.providerType}\` is not configured on this gateway.`;
    return makeRefusal("model_not_found", message, { param: "model" });
  }
  return found;
}

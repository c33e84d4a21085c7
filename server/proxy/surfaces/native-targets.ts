import { makeRefusal, type Refusal } from "../../core/error.ts";
import type { ResolvedModel } from "../../providers/model-table.ts";
import { isNativeWire } from "../../providers/native-wires.ts";
import type { ProviderTarget, WireEndpoint } from "../../providers/types.ts";
import type { ParsedInference } from "../parse.ts";
import type { Translation } from "./surface.ts";

/** Whether a provider is sent the client's own bytes. On Bedrock only Anthropic's models speak Anthropic's wire. */
export function isNativeTarget(target: ProviderTarget, wire: WireEndpoint): boolean {
  if (!isNativeWire(target.type, wire)) return false;
  return target.type !== "aws_bedrock" || wire === "chat_completions" || target.upstreamModel.includes("anthropic");
}

/** The model with those of its providers that take the wire as it is. */
function withNative(model: ResolvedModel, wire: WireEndpoint): ResolvedModel {
  const isNative = (target: ProviderTarget): boolean => isNativeTarget(target, wire);
  return { ...model, targets: model.targets.filter(isNative), pricedTargets: model.pricedTargets.filter(isNative) };
}

/** For a wire that nothing can be translated into: the providers that have it, or a refusal (400) where none has. */
export function prepareNative(model: ResolvedModel, wire: WireEndpoint, path: string): ResolvedModel | Refusal {
  if (model.targets.every((target) => isNativeTarget(target, wire))) return model;
  const native = withNative(model, wire);
  if (native.targets.length > 0) return native;
  const types = [...new Set(model.targets.map(({ type }) => `\`${type}\``))].join(", ");
  return makeRefusal("invalid_request", `No provider of the model \`${model.name}\` has \`${path}\` (${types}).`, {
    param: "model",
  });
}

/**
 * For a wire that can be translated: all providers, the request with its translation where one of them needs it. Where the
 * request cannot be translated, the providers that take it as it is; where there are none, the refusal.
 */
export function prepareTranslated(
  parsed: ParsedInference,
  model: ResolvedModel,
  wire: WireEndpoint,
  translate: (parsed: ParsedInference) => Translation | Refusal,
): ResolvedModel | Refusal {
  if (model.targets.every((target) => isNativeTarget(target, wire))) return model;
  const translation = translate(parsed);
  if ("code" in translation) {
    const native = withNative(model, wire);
    return native.targets.length > 0 ? native : translation;
  }
  parsed.translation = translation;
  parsed.inputBytes = Math.max(parsed.inputBytes, translation.request.body.length);
  return model;
}

import { createHash } from "node:crypto";
import type { ProviderTarget } from "../providers/types.ts";
import type { ParsedInference } from "./parse.ts";

/** More of a conversation than this does not tell it from others. */
const prefixLengthMax = 4_096;

/**
 * The order in which weighted targets are tried: by chance, each as often first as its weight says, those of weight 0 last.
 * With a conversation the chance is a number that follows from it and the target alone, so that every process tries them in
 * the same order each time, and only the calls of a target that is taken away move.
 *
 * @param conversation of {@link makeConversation}; `null`: each call for itself.
 * @param random uniform in [0, 1).
 *
 * Source: weighted rendezvous hashing, -ln(u) / weight (Wang and Ravishankar 1998; Efraimidis and Spirakis 2006 for chance).
 */
export function makeOrder(
  targets: readonly ProviderTarget[],
  conversation: string | null,
  random: () => number,
): readonly ProviderTarget[] {
  if (targets.length < 2) return targets;
  return targets
    .map((target, index) => {
      const weight = target.weight ?? 0;
      // Never 0, whose logarithm has no end.
      const u = conversation === null ? 1 - random() : makeUniform(`${conversation}\n${target.providerName}`);
      return { target, index, distance: weight === 0 ? Number.POSITIVE_INFINITY : -Math.log(u) / weight };
    })
    .sort((a, b) => (a.distance === b.distance ? a.index - b.index : a.distance - b.distance))
    .map(({ target }) => target);
}

/** Uniform in (0, 1], of 48 bits. */
function makeUniform(text: string): number {
  return (createHash("sha256").update(text).digest().readUIntBE(0, 6) + 1) / 2 ** 48;
}

/**
 * Names the conversation that a call belongs to, whose beginning a provider may have in its cache: what the client calls
 * it, else its messages up to the first of the user. The same words of another key are another conversation.
 */
export function makeConversation(publicId: string, { json }: Pick<ParsedInference, "json">): string | null {
  for (const field of ["prompt_cache_key", "user"] as const) {
    const value = json[field];
    if (typeof value === "string" && value !== "") return `${publicId}\n${field}\n${value.slice(0, prefixLengthMax)}`;
  }
  const { messages } = json;
  if (!Array.isArray(messages)) return null;
  const end = messages.findIndex((message: unknown) => (message as { role?: unknown } | null)?.role === "user");
  const prefix = JSON.stringify(messages.slice(0, end + 1));
  return end < 0 ? null : `${publicId}\nmessages\n${prefix.slice(0, prefixLengthMax)}`;
}

import { calcPrice } from "@pydantic/genai-prices";
import { LRUCache } from "lru-cache";

/** Names of models come from clients as well (`openai::ANYTHING`), so what is remembered is bounded. */
const known = new LRUCache<string, { tokens: number | null }>({ max: 10_000 });

/**
 * How many tokens a model takes at once, by the catalogue of prices, which is part of the installation.
 *
 * @param catalogueId of the provider's type; `null` where no catalogue lists it.
 * @param upstreamModel the model's name as the provider knows it.
 * @returns `null` where the catalogue does not say.
 */
export function findContextTokens(catalogueId: string | null, upstreamModel: string): number | null {
  if (catalogueId === null) return null;
  const name = `${catalogueId}\n${upstreamModel}`;
  let entry = known.get(name);
  if (entry === undefined) {
    const found = calcPrice({ input_tokens: 1 }, upstreamModel, { providerId: catalogueId });
    const isRight = found !== null && found.provider.id === catalogueId;
    entry = { tokens: isRight ? (found.model.context_window ?? null) : null };
    known.set(name, entry);
  }
  return entry.tokens;
}

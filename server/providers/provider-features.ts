import { type ProviderType, providerTypes } from "../core/provider-type.ts";
import { isNativeWire } from "./native-wires.ts";

/** What a provider type can do here. */
export const providerFeatures = [
  "chat",
  "stream",
  "tools",
  "JSON",
  "images",
  "embeddings",
  "usage",
  "cached tokens",
] as const;
export type ProviderFeature = (typeof providerFeatures)[number];

/** Providers whose own API has no embeddings. Source: their API references. */
const withoutEmbeddings: ReadonlySet<ProviderType> = new Set(["deepseek", "groq", "hyperbolic", "tgi", "xai"]);
const ofEcho: ReadonlySet<ProviderFeature> = new Set(["chat", "stream", "tools", "embeddings", "usage"]);

/** Whether calls of this type can have the feature. Whether one model has it is the provider's own business. */
export function hasFeature(type: ProviderType, feature: ProviderFeature): boolean {
  if (providerTypes[type].wire === "echo") return ofEcho.has(feature);
  if (feature === "embeddings") return isNativeWire(type, "embeddings") && !withoutEmbeddings.has(type);
  return true;
}

/** The name of the test that stands behind a cell of the table. */
export function makeFeatureTest(type: ProviderType, feature: ProviderFeature | "credential default"): string {
  return `${type}: ${feature}`;
}

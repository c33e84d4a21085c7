import type { ProviderConfig } from "../platform/config.ts";
import { ProviderHealth } from "./provider-health.ts";

/** The health of every provider, kept over a reload of the configuration. */
export interface HealthBook {
  /**
   * That of one provider of a model; of the shorthands of a type where `model` is `""`. The same object for the same names,
   * unless its settings changed.
   */
  open(model: string, provider: ProviderConfig): ProviderHealth;
  list(): readonly ProviderHealth[];
}

/** Opens an empty book. It grows with the configuration, never with what clients send. */
export function openHealthBook(): HealthBook {
  const entries = new Map<string, ProviderHealth>();
  return {
    open(model, { name, type, breaker, concurrentRequestsMax }) {
      const key = JSON.stringify([model, name, type]);
      const settings = { ...breaker, concurrentRequestsMax };
      let health = entries.get(key);
      if (health === undefined || JSON.stringify(health.settings) !== JSON.stringify(settings)) {
        health = new ProviderHealth({ model, provider: name, type }, settings);
        entries.set(key, health);
      }
      return health;
    },
    list: () => [...entries.values()],
  };
}

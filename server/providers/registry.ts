import { openEcho } from "./echo.ts";
import type { Provider, ProviderType } from "./types.ts";
import { openUpstream, type UpstreamOptions } from "./upstream.ts";

interface ProviderTypeRow {
  /** Where its models are when the config names no `api_base`; `null`: the config must name one, or none is needed. */
  apiBase: string | null;
  needsApiBase: boolean;
  /** Default credential location, in the config's grammar. */
  credential: string;
  /** The provider's id in `@pydantic/genai-prices`; `null`: no list price. */
  catalogueId: string | null;
}

/** The one list of provider types, with the defaults that a user sees. */
export const providerTypes: Readonly<Record<ProviderType, ProviderTypeRow>> = {
  openai: {
    apiBase: "https://api.openai.com/v1",
    needsApiBase: false,
    credential: "env::OPENAI_API_KEY",
    catalogueId: "openai",
  },
  openai_compatible: { apiBase: null, needsApiBase: true, credential: "env::OPENAI_API_KEY", catalogueId: null },
  vllm: { apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  sglang: { apiBase: null, needsApiBase: true, credential: "env::SGLANG_API_KEY", catalogueId: null },
  tgi: { apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  echo: { apiBase: null, needsApiBase: false, credential: "none", catalogueId: null },
};

/** Every way to reach models, opened once per process. */
export interface Providers {
  get(type: ProviderType): Provider;
  close(): Promise<void>;
}

/** Opens the providers; no connection is made before the first call. */
export function openProviders(options: UpstreamOptions): Providers {
  const upstream = openUpstream(options);
  const echo = openEcho(options);
  return {
    get: (type) => (type === "echo" ? echo : upstream),
    async close() {
      await Promise.all([upstream.close(), echo.close()]);
    },
  };
}

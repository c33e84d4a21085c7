import type { ProviderType } from "../core/provider-type.ts";
import { openEcho } from "./echo.ts";
import type { Provider } from "./types.ts";
import { openUpstream, type UpstreamOptions } from "./upstream.ts";

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

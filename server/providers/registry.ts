import { isTranslated, type ProviderType } from "../core/provider-type.ts";
import { openEcho } from "./echo.ts";
import { openTranslated } from "./translated.ts";
import type { Provider } from "./types.ts";
import { openUpstream, type UpstreamOptions } from "./upstream.ts";
import { openAuthorizer } from "./upstream-authorizer.ts";

/** Every way to reach models, opened once per process. */
export interface Providers {
  get(type: ProviderType): Provider;
  close(): Promise<void>;
}

/** Opens the providers; no connection is made before the first call, and no SDK is loaded. */
export function openProviders(options: UpstreamOptions): Providers {
  const upstream = openUpstream(options);
  const echo = openEcho(options);
  const translated = openTranslated(upstream, openAuthorizer(options), options.clock);
  return {
    get: (type) => (type === "echo" ? echo : isTranslated(type) ? translated : upstream),
    async close() {
      await Promise.all([translated.close(), upstream.close(), echo.close()]);
    },
  };
}

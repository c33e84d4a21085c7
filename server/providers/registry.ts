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

export interface ProvidersOptions extends UpstreamOptions {
  /** How Google's token endpoint is asked; the platform's own unless given. */
  googleFetch?: typeof globalThis.fetch;
}

/** Opens the providers; no connection is made before the first call, and no SDK is loaded. */
export function openProviders(options: ProvidersOptions): Providers {
  const upstream = openUpstream(options);
  const echo = openEcho(options);
  const authorizer = openAuthorizer({
    clock: options.clock,
    ...(options.googleFetch === undefined ? {} : { fetch: options.googleFetch }),
  });
  const translated = openTranslated(upstream, authorizer, options.clock);
  return {
    get: (type) => (type === "echo" ? echo : isTranslated(type) ? translated : upstream),
    async close() {
      await Promise.all([translated.close(), upstream.close(), echo.close()]);
    },
  };
}

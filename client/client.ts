import { createTRPCClient, httpBatchLink, type TRPCClient } from "@trpc/client";
import type { AppRouter } from "../server/admin/router.ts";

export interface AdminClientOptions {
  /** Where the gateway listens, like `http://127.0.0.1:3000`. */
  url: string;
  /** A key with `admin:keys`, `admin:usage`, or both. */
  apiKey: string;
}

export type AdminClient = TRPCClient<AppRouter>;

/** The server refuses a batch of more calls. */
const batchMax = 20;

/**
 * Makes a typed client of the admin API. Calls of one tick go in one request.
 *
 * A call throws `TRPCClientError`; its `data.error` has the `code`, `message`, `param` and `issues` of the REST API.
 */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  return createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `${options.url.replace(/\/+$/, "")}/trpc`,
        maxItems: batchMax,
        headers: { authorization: `Bearer ${options.apiKey}` },
      }),
    ],
  });
}

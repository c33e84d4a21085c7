import { createTRPCClient, httpBatchLink, type TRPCClient, TRPCClientError } from "@trpc/client";
import type { AppRouter } from "../server/admin/router.ts";

export interface AdminClientOptions {
  /** Where the gateway listens, like `http://127.0.0.1:3000`; empty in a page that the gateway itself serves. */
  url: string;
  /**
   * A key with `admin:keys`, `admin:usage`, or both. Without one, calls carry the browser's cookies: the session of who is
   * signed in.
   */
  apiKey?: string;
  /** The platform's own unless given. */
  fetch?: typeof globalThis.fetch;
}

export type AdminClient = TRPCClient<AppRouter>;

/** What a refused call throws; see {@link getAdminError}. */
export interface AdminError {
  /** Like `alias_taken`; the codes are those of the REST API. */
  code: string;
  message: string;
  /** The HTTP status that goes with the code. */
  status: number;
  /** The field at fault, where there is one. */
  param: string | null;
  /** Every field at fault, where the input was not valid. */
  issues: readonly { path: string; message: string }[];
}

/** The server refuses a batch of more calls. */
const batchMax = 20;

/**
 * Makes a typed client of the admin API. Calls of one tick go in one request.
 *
 * A call that is refused throws an error that {@link getAdminError} reads.
 */
export function createAdminClient({ url, apiKey, fetch = globalThis.fetch }: AdminClientOptions): AdminClient {
  return createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `${url.replace(/(?<!\/)\/+$/, "")}/trpc`,
        maxItems: batchMax,
        ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } }),
        // A key and a session in one request would be two callers.
        fetch: (input, init) =>
          fetch(input, { ...(init as RequestInit), credentials: apiKey === undefined ? "include" : "omit" }),
      }),
    ],
  });
}

/** What the gateway answered to a refused call; `null` for any other error, such as a gateway that is not reached. */
export function getAdminError(error: unknown): AdminError | null {
  if (!(error instanceof TRPCClientError)) return null;
  const data = (error as TRPCClientError<AppRouter>).data;
  if (data?.error === undefined) return null;
  const { code, message, param, issues = [] } = data.error;
  return { code, message, status: data.httpStatus, param, issues };
}

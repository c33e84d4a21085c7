import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { createTRPCClient, httpLink, TRPCClientError, type TRPCLink } from "@trpc/client";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import type { AppRouter } from "../../server/admin/router.ts";

export type Inputs = inferRouterInputs<AppRouter>;
export type Outputs = inferRouterOutputs<AppRouter>;

/** A field at fault, by its path on the wire like `budgets[0].limit_usd`. */
export interface Issue {
  path: string;
  message: string;
}

/** What a failed call says, whichever way it failed. */
export interface Failure {
  /** The product's code; `network` where no answer came. */
  code: string;
  status: number;
  message: string;
  issues: readonly Issue[];
}

interface WireError {
  code?: string;
  message?: string;
  param?: string | null;
  issues?: readonly Issue[];
}

/** Reads anything that was thrown by a call. Never throws. */
export function parseFailure(error: unknown): Failure {
  if (error instanceof TRPCClientError) {
    const data = error.data as { httpStatus?: number; error?: WireError } | null | undefined;
    if (data == null) return makeNetworkFailure();
    return makeFailure(data.error ?? {}, data.httpStatus ?? 0, error.message);
  }
  if (error instanceof CallError) return error.failure;
  return makeNetworkFailure();
}

/** A call beside tRPC that failed: signing in, and calls of the gateway itself. */
export class CallError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function makeFailure(error: WireError, httpStatus: number, fallback: string): Failure {
  const issues = error.issues ?? (error.param == null ? [] : [{ path: error.param, message: error.message ?? "" }]);
  return { code: error.code ?? "unknown", status: httpStatus, message: error.message ?? fallback, issues };
}

export function makeNetworkFailure(): Failure {
  const message = "The gateway did not answer. Check that it runs and that you are online, then try again.";
  return { code: "network", status: 0, message, issues: [] };
}

function noticeError(error: unknown): void {
  if (parseFailure(error).status !== 401) return;
  // The session has ended: the shell asks who is signed in, and shows the way back in.
  void queryClient.invalidateQueries({ queryKey: api.session.get.queryKey() });
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      if (JSON.stringify(query.queryKey[0]) !== JSON.stringify(["session", "get"])) noticeError(error);
    },
  }),
  mutationCache: new MutationCache({ onError: noticeError }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => {
        const { status } = parseFailure(error);
        return count < 2 && (status === 0 || status >= 500);
      },
      retryDelay: (count) => 500 * 2 ** count,
    },
    // Nothing that a call answered stays in memory: a new key's secret is in one such answer.
    mutations: { gcTime: 0 },
  },
});

/** Lists that grow say in which direction; the gateway refuses fields that it does not know. */
const dropDirection: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) => {
    const input = op.input as Record<string, unknown> | undefined;
    if (op.type !== "query" || typeof input !== "object" || !("direction" in input)) return next(op);
    const { direction: _direction, ...rest } = input;
    return next({ ...op, input: rest });
  };

/** For calls whose answer no cache may keep. */
export const client = createTRPCClient<AppRouter>({ links: [dropDirection, httpLink({ url: "/trpc" })] });

/** `useQuery(api.keys.list.queryOptions({ … }))`; `useMutation(api.keys.disable.mutationOptions())`. */
export const api = createTRPCOptionsProxy<AppRouter>({ client, queryClient });

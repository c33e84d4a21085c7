import { type AnyTRPCRouter, initTRPC, TRPCError } from "@trpc/server";
import { z } from "zod";
import { AppError, errorTable } from "../core/error.ts";
import { type InputIssue, makeValidationRefusal } from "../core/input-issues.ts";
import type { AdminContext, ProcedureContext } from "./context.ts";
import { makeErrorBody, parseRefusal } from "./refusal.ts";
import { type AdminPermission, requirePermission } from "./require-permission.ts";

/** A procedure as a REST call, under `/admin`. */
export interface RestOperation {
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Fields of the input in braces: `/api-keys/{public_id}`. */
  path: `/${string}`;
  operationId: string;
  summary: string;
  description?: string;
  tags: [string, ...string[]];
  /** Statuses that it refuses with besides those that its shape implies (see `openapi-document.ts`). */
  refusals?: readonly number[];
}

/** `status` is what REST answers on success; 200 where it is not said. */
export interface ProcedureMeta {
  /** Faults that the schema alone cannot see, so that they are told together with those that it does. */
  findMoreIssues?: (input: unknown, ctx: AdminContext) => readonly InputIssue[];
  openapi?: RestOperation;
  status?: number;
}

const codeByStatus: Readonly<Record<number, TRPCError["code"]>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  502: "BAD_GATEWAY",
  503: "SERVICE_UNAVAILABLE",
  504: "GATEWAY_TIMEOUT",
};

const t = initTRPC
  .context<AdminContext>()
  .meta<ProcedureMeta>()
  .create({
    // Else a stack goes out with each error unless NODE_ENV is "production".
    isDev: false,
    errorFormatter({ shape, error }) {
      const refusal = parseRefusal(error);
      return {
        code: shape.code,
        message: refusal.message,
        data: { code: shape.data.code, httpStatus: errorTable[refusal.code].status, error: makeErrorBody(refusal) },
      };
    },
  });

/** The one place where an error of the product becomes an error of tRPC. */
export function makeTrpcError(error: AppError): TRPCError {
  return new TRPCError({
    code: codeByStatus[error.status] ?? "INTERNAL_SERVER_ERROR",
    message: error.message,
    cause: error,
  });
}

const procedure = t.procedure.use(async ({ ctx, next, path, meta, getRawInput }) => {
  const inner: ProcedureContext = { ...ctx, action: path };
  const result = await next({ ctx: inner });
  if (result.ok) return result;
  let refusal = parseRefusal(result.error);
  if (result.error.cause instanceof z.ZodError && meta?.findMoreIssues !== undefined && refusal.issues !== undefined) {
    refusal = makeValidationRefusal([...refusal.issues, ...meta.findMoreIssues(await getRawInput(), ctx)]);
  }
  if (errorTable[refusal.code].status >= 500) {
    const { requestId } = ctx.origin;
    ctx.logger.error({ err: result.error.cause ?? result.error, procedure: path, requestId }, "an admin call failed");
  }
  throw makeTrpcError(new AppError(refusal.code, refusal.message, { ...refusal, cause: result.error.cause }));
});

/**
 * A procedure for callers with the permission, and for users who are admins; who lacks it learns nothing about the input.
 *
 * @param options `member`: for members too. It must then keep to the objects of `findCallerScope`.
 */
export function makeProcedure(permission: AdminPermission, options: { member?: boolean } = {}) {
  return procedure.use(({ ctx, next }) => {
    requirePermission(ctx.caller, permission, options);
    return next();
  });
}

export const makeRouter = t.router;
export const makeCallerFactory = t.createCallerFactory;

/** What a procedure says of itself, by its path like `keys.create`. */
export function findProcedureMeta(router: AnyTRPCRouter, path: string): ProcedureMeta | undefined {
  const found: { _def: { meta?: unknown } } | undefined = router._def.procedures[path];
  return found?._def.meta as ProcedureMeta | undefined;
}

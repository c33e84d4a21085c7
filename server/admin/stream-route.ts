import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { AppError } from "../core/error.ts";
import type { AdminContext } from "./context.ts";
import { type JsonSchema, makeJsonSchema } from "./json-schema.ts";
import { type AdminPermission, requirePermission } from "./require-permission.ts";
import { parseQuery } from "./rest-input.ts";

/** What ends a stream that would go on. */
export interface StreamLife {
  /** Judges the caller's credential once more. Rejects where that cannot be done now. */
  isAllowed(): Promise<boolean>;
  /** Whether this process is about to stop. */
  isDraining(): boolean;
}

/** A call that answers with a stream, which no procedure can: a GET under `/admin`. */
export interface StreamRoute<Input = unknown> {
  path: `/${string}`;
  operationId: string;
  summary: string;
  tags: [string, ...string[]];
  mediaType: string;
  permission: AdminPermission;
  /** For members too; it must then keep to their objects. */
  member: boolean;
  input: z.core.$ZodType<Input>;
  /** Throws what it refuses with before it writes anything; ends the answer. */
  handle(ctx: AdminContext, input: Input, res: Response, life: StreamLife): Promise<void>;
}

/** The fields of a route's query. */
export function listStreamFields({ input }: { input: z.core.$ZodType }): Map<string, JsonSchema> {
  const { properties = {} } = makeJsonSchema(input, "input");
  return new Map(Object.entries(properties as Record<string, JsonSchema>));
}

export interface StreamHandlerDeps {
  /** What the request's credential was judged to. */
  findContext(req: Request): AdminContext;
  /** Judges it; throws where it is refused. */
  loadContext(req: Request, res: Response): Promise<AdminContext>;
  isDraining(): boolean;
}

/** Serves a stream route. */
export function makeStreamHandler<Input>(
  route: StreamRoute<Input>,
  { findContext, loadContext, isDraining }: StreamHandlerDeps,
): RequestHandler {
  const fields = listStreamFields(route);
  const permit = (ctx: AdminContext) => requirePermission(ctx.caller, route.permission, { member: route.member });
  return async (req, res) => {
    const ctx = findContext(req);
    permit(ctx);
    const parsed = z.safeParse(route.input, parseQuery(new URL(req.url, "http://localhost").searchParams, fields));
    if (!parsed.success) throw parsed.error;
    const isAllowed = async () => {
      try {
        const now = await loadContext(req, res);
        permit(now);
        return isSameCaller(now, ctx);
      } catch (error) {
        if (error instanceof AppError && error.status < 500) return false;
        throw error;
      }
    };
    await route.handle(ctx, parsed.data, res, { isAllowed, isDraining });
  };
}

/** Who was moved to another owner or lost a role must not go on as who he was. */
function isSameCaller({ caller: a }: AdminContext, { caller: b }: AdminContext): boolean {
  if (a.kind === "user" && b.kind === "user") return a.user.id === b.user.id && a.user.role === b.user.role;
  return a.kind === "key" && b.kind === "key" && a.key.publicId === b.key.publicId && a.key.ownerId === b.key.ownerId;
}

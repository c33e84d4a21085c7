import express, { type Request, type RequestHandler, type Response } from "express";
import { makeFindClientAddress } from "../../core/client-address.ts";
import { AppError } from "../../core/error.ts";
import { isSignedBy, parseLeakSignature } from "../../core/leak-signature.ts";
import type { AdminContext } from "../context.ts";
import { makeCaller } from "../router.ts";

/** A hundred keys of the greatest length. */
const bodyBytesMax = 64 * 1024;
const readRaw = express.raw({ limit: bodyBytesMax, inflate: false, type: () => true });

/**
 * Answers a leak report that is signed, which needs no key. A report without a signature, or where no secret is shared
 * with anybody, goes on to the next handler, which wants an admin's key.
 */
export function makeLeakReportRoute(context: Omit<AdminContext, "caller" | "origin">): RequestHandler {
  const secret = context.config.leakSecret;
  const findClientAddress = makeFindClientAddress(context.config.gateway.trustedProxies);
  return async (req, res, next) => {
    const header = req.get("x-tollgate-signature");
    if (header === undefined || secret === null) return next();
    // The time is looked at before the body: who has no idea of the form sends us nothing to work on.
    const signature = parseLeakSignature(header, context.clock.nowMs());
    const body = signature === null ? null : await readBody(req, res);
    if (signature === null || body === null || !isSignedBy(signature, body, secret)) {
      throw new AppError("invalid_api_key", "The signature of the report is not valid, or not of these five minutes.");
    }
    const caller = makeCaller({
      ...context,
      caller: { kind: "system", actor: "leak-report" },
      origin: { ip: findClientAddress(req), requestId: String(res.getHeader("x-request-id") ?? "") },
    });
    // The procedure's own schema judges what came out of the JSON.
    res.json(await caller.keys.leaked(parseJson(body)));
  };
}

async function readBody(req: Request, res: Response): Promise<Buffer | null> {
  await new Promise<void>((resolve, reject) => {
    readRaw(req, res, (error?: unknown) =>
      error === undefined ? resolve() : reject(new AppError("body_too_large", undefined, { cause: error })),
    );
  });
  const body: unknown = req.body;
  return Buffer.isBuffer(body) ? body : null;
}

function parseJson(body: Buffer): { keys: string[] } {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new AppError("invalid_request", "The body is not valid JSON.");
  }
}

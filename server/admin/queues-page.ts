import type { NextFunction, Request, RequestHandler, Response } from "express";
import helmet from "helmet";
import { AppError } from "../core/error.ts";
import { isPermissionGranted } from "../core/permission.ts";
import type { QueueBoard } from "../platform/queue-board.ts";
import { type AdminContext, findCallerScope } from "./context.ts";

/** The one style sheet that the page's own script adds, as of the release of bull-board that is pinned. */
const addedStyle = "'sha256-r2N1TB/gHbBtBZFKg7ejmq1acVSREzucTAEw6ga4hoU='";

/** Nothing but this host, and nothing that stands in the page. */
const policy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", addedStyle],
    imgSrc: ["'self'", "data:"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

const readMethods = new Set(["GET", "HEAD"]);

/**
 * Shows the queues to admins who are signed in, and to keys with `admin:keys` that belong to nobody. It changes nothing: what
 * starts a run is `POST /admin/jobs/{job}/run`, which is audited.
 */
export function makeQueuesPage(board: QueueBoard, findContext: (req: Request) => AdminContext): RequestHandler {
  return async (req: Request, res: Response, next: NextFunction) => {
    const { caller } = findContext(req);
    const isAdmin =
      caller.kind === "key"
        ? isPermissionGranted(caller.key.permissions, "admin:keys") && findCallerScope(caller).ownerId === null
        : caller.kind === "user" && caller.user.role === "admin";
    if (!isAdmin)
      throw new AppError("permission_denied", "This page is for admins, and for keys that belong to nobody.");
    if (!readMethods.has(req.method)) {
      throw new AppError("permission_denied", "This page only shows. Start a run with POST /admin/jobs/{job}/run.");
    }
    const show = await board.load();
    policy(req, res, (error?: unknown) => {
      if (error === undefined) void show(req, res, next);
      else next(error);
    });
  };
}

import express, { type Express, type Router } from "express";
import { handleUnknownRoute, makeErrorHandler } from "./http/error-handler.ts";
import type { Logger } from "./platform/logger.ts";

export interface Routers {
  inference: Router;
  operations: Router;
  admin: Router;
  dashboard: Router;
}

/** Mounts the rooms' routers, the inference API first: nothing stands between it and the socket. */
export function makeApp(routers: Routers, logger: Logger): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("case sensitive routing", true);
  app.use(routers.inference);
  app.use(routers.operations);
  app.use(routers.admin);
  app.use(routers.dashboard);
  app.use(handleUnknownRoute);
  app.use(makeErrorHandler(logger));
  return app;
}

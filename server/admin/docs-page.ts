import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type RequestHandler, Router } from "express";
import helmet from "helmet";

/** Nothing but this host, and no script that stands in the page. The viewer sets styles on its elements. */
const policy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

/**
 * The page that shows the OpenAPI document, at `/docs` of the router that it is mounted on. The viewer comes from this
 * host under a name that changes with its content.
 */
export function makeDocsRouter(): RequestHandler {
  const script = readFileSync(fileURLToPath(import.meta.resolve("rapidoc")));
  const scriptName = `rapidoc.${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`;
  const page = makePage(scriptName);
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/", policy, (req, res, next) => {
    // Below `/docs/`, the page's relative addresses would mean something else.
    if (req.originalUrl.split("?")[0]?.endsWith("/") === true) return next();
    res.type("text/html").send(page);
  });
  router.get(`/${scriptName}`, policy, (_req, res) => {
    res.setHeader("cache-control", "public, max-age=31536000, immutable");
    res.type("text/javascript").send(script);
  });
  return router;
}

function makePage(scriptName: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollgate admin API</title>
<link rel="icon" href="data:,">
<script type="module" src="docs/${scriptName}"></script>
</head>
<body>
<noscript>This page needs JavaScript. The document itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<rapi-doc spec-url="openapi.json" load-fonts="false" show-header="false" render-style="read" theme="light"
 primary-color="#1f5fbf" nav-bg-color="#f6f7f9" nav-text-color="#23272f" schema-style="table"
 allow-spec-url-load="false" allow-spec-file-load="false" allow-spec-file-download="true"
 allow-server-selection="false" show-method-in-nav-bar="as-colored-text" use-path-in-nav-bar="false"
 persist-auth="false"></rapi-doc>
</body>
</html>
`;
}

import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type NextFunction, type Request, type Response, Router } from "express";
import helmet from "helmet";

/** Addresses that the dashboard itself routes; a reload of one of them answers its page. Everything else stays a 404. */
const pages =
  /^\/(?:|sign-in|sign-up|first-start|forgot-password|reset-password|quick-start|account|usage|activity|api-keys(?:\/[0-9A-Za-z]{1,64})?|manage(?:\/[a-z-]{1,64}(?:\/[\w-]{1,128})?)?)$/;

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** What is shorter costs more to unpack than it saves. */
const gzipBytesMin = 1_000;

const policy = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
  },
});

interface BuiltFile {
  type: string;
  plain: Buffer;
  gzip: Buffer | null;
}

/**
 * The dashboard, from the files that `npm run build` leaves in `dist/web`: the page at its own addresses, its parts under
 * `/assets`. GET and HEAD only. A part's name changes with its content, so it is kept for a year; the page is never kept.
 * Files are read and packed when they are first asked for. Without a build every address goes on to the next route.
 */
export function makeDashboardRouter(folder: string = findBuiltFolder()): Router {
  const names = listBuiltFiles(folder);
  const files = new Map<string, BuiltFile>();
  const find = (name: string): BuiltFile => {
    const file = files.get(name) ?? loadFile(folder, name);
    files.set(name, file);
    return file;
  };

  const router = Router({ caseSensitive: true, strict: true });
  router.use((request: Request, response: Response, next: NextFunction) => {
    if (request.method !== "GET" && request.method !== "HEAD") return next();
    const { path } = request;
    const asset = path.slice(1);
    const isAsset = asset !== "index.html" && names.has(asset);
    if (!isAsset && !(names.has("index.html") && pages.test(path))) return next();
    policy(request, response, (error?: unknown) => {
      if (error !== undefined) return next(error);
      const keep = isAsset && asset.startsWith("assets/");
      response.setHeader("cache-control", keep ? "public, max-age=31536000, immutable" : "no-store");
      sendFile(request, response, find(isAsset ? asset : "index.html"));
    });
  });
  return router;
}

function sendFile(request: Request, response: Response, file: BuiltFile): void {
  response.setHeader("content-type", file.type);
  response.setHeader("vary", "accept-encoding");
  const mayPack = file.gzip !== null && request.acceptsEncodings("gzip") === "gzip";
  const body = mayPack && file.gzip !== null ? file.gzip : file.plain;
  if (body === file.gzip) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", body.length);
  response.end(request.method === "HEAD" ? undefined : body);
}

function loadFile(folder: string, name: string): BuiltFile {
  const plain = readFileSync(join(folder, name));
  return {
    type: types[extname(name)] ?? "application/octet-stream",
    plain,
    gzip: plain.length < gzipBytesMin ? null : gzipSync(plain, { level: 9 }),
  };
}

/** Names below the folder, with `/`; none where there is no build. */
function listBuiltFiles(folder: string): ReadonlySet<string> {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return new Set(
      entries
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(folder.length + 1)
            .replaceAll("\\", "/"),
        ),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
}

/** `dist/web`, from the source tree and from a build alike. */
function findBuiltFolder(): string {
  const room = dirname(fileURLToPath(import.meta.url));
  return join(room, import.meta.url.endsWith(".ts") ? "../../dist/web" : "../../web");
}

import { generateOpenApiDocument } from "trpc-to-openapi";
import { appRouter } from "./router.ts";
import { findProcedureMeta } from "./trpc.ts";

const errorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { type: ["string", "null"] },
        code: { type: "string" },
        issues: {
          type: "array",
          description: "Every field at fault.",
          items: {
            type: "object",
            required: ["path", "message"],
            properties: { path: { type: "string" }, message: { type: "string" } },
          },
        },
      },
    },
  },
} as const;

const methods = ["get", "post", "patch", "put", "delete"] as const;

/**
 * The OpenAPI 3.1 document of the REST surface.
 *
 * @param baseUrl where `/admin` is reached, without a trailing slash.
 */
export function makeOpenApiDocument(version: string, baseUrl: string) {
  const document = generateOpenApiDocument(appRouter, {
    title: "Tollgate admin API",
    description: "Keys and usage. Authenticate with a key that has admin:keys or admin:usage.",
    version,
    baseUrl: `${baseUrl}/admin`,
    openApiVersion: "3.1.0",
  });
  const statuses = new Map<string, number>();
  for (const path of Object.keys(appRouter._def.procedures)) {
    const meta = findProcedureMeta(appRouter, path);
    if (meta?.openapi !== undefined)
      statuses.set(`${meta.openapi.method.toLowerCase()} ${meta.openapi.path}`, meta.status ?? 200);
  }
  const answer = {
    description: "Refused",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      // The generator knows neither our statuses nor our shape of errors.
      const status = statuses.get(`${method} ${path}`) ?? 200;
      const success = status === 204 ? { description: "Done" } : operation.responses?.["200"];
      operation.responses = { [status]: success, default: answer };
    }
  }
  return {
    ...document,
    components: { ...document.components, schemas: { ...document.components?.schemas, Error: errorSchema } },
  };
}

import { Command } from "commander";
import { version } from "../../server/platform/version.ts";
import { type CliIo, writeJson } from "./cli-io.ts";

/** `tollgate openapi` */
export function makeOpenapiCommand(io: CliIo): Command {
  return new Command("openapi")
    .description("Print the OpenAPI 3.1 document of the admin API.")
    .option("--url <url>", "where the gateway is reached", "http://127.0.0.1:3000")
    .option("--json", "print JSON, as without it")
    .action(async (flags: { url: string }) => {
      const { makeOpenApiDocument } = await import("../../server/admin/openapi-document.ts");
      writeJson(io, makeOpenApiDocument(version, flags.url.replace(/(?<!\/)\/+$/, "")));
    });
}

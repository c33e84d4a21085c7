import { Command } from "commander";
import { makeOpenApiDocument } from "../../server/admin/openapi-document.ts";
import { version } from "../../server/platform/version.ts";
import { type CliIo, writeJson } from "./cli-io.ts";

/** `tollgate openapi` */
export function makeOpenapiCommand(io: CliIo): Command {
  return new Command("openapi")
    .description("Print the OpenAPI 3.1 document of the admin API.")
    .option("--url <url>", "where the gateway is reached", "http://127.0.0.1:3000")
    .option("--json", "print JSON, as without it")
    .action((flags: { url: string }) =>
      writeJson(io, makeOpenApiDocument(version, flags.url.replace(/(?<!\/)\/+$/, ""))),
    );
}

import { CommanderError } from "commander";
import { NewerSchemaError } from "../../db/migrate.ts";
import { isStoreUnavailable } from "../../db/queries/store-error.ts";
import { parseRefusal } from "../../server/admin/refusal.ts";
import { AppError } from "../../server/core/error.ts";
import { ConfigError } from "../../server/platform/config-error.ts";
import { EmbeddedPostgresError } from "../../server/platform/embedded-postgres/embedded-postgres-error.ts";
import { CliFailure } from "./cli-io.ts";

export const exitFailed = 1;
export const exitUsage = 2;
/** EX_CONFIG of sysexits.h. */
export const exitConfig = 78;

/** How a command ended: its exit code and what is said on standard error, `""` where that was said already. */
export interface Exit {
  code: number;
  message: string;
}

/** Says what went wrong in one line and what to do, without a stack. */
export function parseExit(error: unknown): Exit {
  if (error instanceof CliFailure) return { code: error.exitCode, message: error.message };
  // Commander has written its own line; help and version end with 0.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : exitUsage, message: "" };
  if (error instanceof ConfigError) {
    const lines = error.mistakes.map(({ path, found, allowed }) => `  ${path}: ${found}; ${allowed}`);
    return { code: exitConfig, message: `The configuration is not right:\n${lines.join("\n")}` };
  }
  if (error instanceof EmbeddedPostgresError || error instanceof NewerSchemaError) {
    return { code: exitFailed, message: error.message };
  }
  const chain = listCauses(error);
  const store = chain.find(isStoreUnavailable);
  if (store !== undefined) return { code: exitFailed, message: makeStoreMessage(store) };
  const app = chain.find((cause) => cause instanceof AppError);
  if (app instanceof AppError && app.code !== "internal_error") {
    return { code: app.code === "validation_failed" ? exitUsage : exitFailed, message: app.message };
  }
  const last = chain.at(-1);
  if (last instanceof Error && "code" in last && last.code === "EADDRINUSE") {
    return { code: exitFailed, message: `The address is taken (${last.message}); set PORT to another one.` };
  }
  if (last instanceof Error && !(last instanceof AppError)) {
    return { code: exitFailed, message: `${last.message} (TOLLGATE_DEBUG=1 shows where)` };
  }
  return { code: exitFailed, message: parseRefusal(error).message };
}

function makeStoreMessage(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const reason = first instanceof Error ? first.message : String(first);
  return `PostgreSQL cannot be reached (${reason}). Check DATABASE_URL; \`tollgate doctor\` tells more.`;
}

/** An error and what caused it, outermost first. */
export function listCauses(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let cause = error; cause !== undefined && chain.length < 10; ) {
    chain.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return chain;
}

import postgres from "postgres";

const connectionErrors = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Connection exceptions, too many connections, shutting down or starting, read-only after a failover. */
const passing = /^(08|53|57P)|^25006$/;

/** True where PostgreSQL cannot be reached or cannot serve now, so that a later try may succeed. */
export function isStoreUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isStoreUnavailable);
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error instanceof postgres.PostgresError) return passing.test(error.code);
  return typeof error.code === "string" && connectionErrors.has(error.code);
}

/** True where PostgreSQL gave up on a statement that took longer than it may. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "57014";
}

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

/** The connection went away under a statement: another one may be had at once. 57P01: PostgreSQL ended it. */
const lostConnections = new Set(["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNRESET", "EPIPE", "57P01"]);

/** True where a statement got no answer because its connection was lost. It may have been carried out. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && "code" in error && lostConnections.has(String(error.code));
}

/** True where PostgreSQL gave up on a statement that took longer than it may. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "57014";
}

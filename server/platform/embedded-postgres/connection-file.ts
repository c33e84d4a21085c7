import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** What a client needs to reach the embedded server; kept beside the cluster, readable by its owner only. */
export interface Connection {
  readonly password: string;
  readonly port: number | null;
  readonly database: string;
}

export const SUPERUSER = "tollgate";

/** The stored connection, or null when there is none or it is not readable as one. */
export function findConnection(file: string): Connection | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null) return null;
    const { password, port, database } = value as Record<string, unknown>;
    if (typeof password !== "string" || password === "" || typeof database !== "string") return null;
    return { password, port: typeof port === "number" && Number.isInteger(port) ? port : null, database };
  } catch {
    return null;
  }
}

/** Stores the connection in one step (0600): a crash leaves the old one or the new one. */
export function updateConnection(file: string, connection: Connection): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(connection)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/** 192 random bits in hexadecimal: needs no escaping in a URL, a file or a shell. */
export function makePassword(): string {
  return randomBytes(24).toString("hex");
}

export function makeDatabaseUrl(connection: Connection, port: number): string {
  return `postgres://${SUPERUSER}:${connection.password}@127.0.0.1:${port}/${encodeURIComponent(connection.database)}`;
}

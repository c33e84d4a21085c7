import type postgres from "postgres";
import type { Database } from "../client.ts";

export interface KeyChangeListener {
  beatChannel: string;
  /** The public id of a changed key; `""`: all. */
  onKeyChanged(publicId: string): void;
  /** Keys of a format were imported by hash. */
  onImported(format: string): void;
  /** A key was revoked together with the calls that it runs. */
  onKeyCut(publicId: string): void;
  /** A process (the first word) was refused money of a budget window (the second) that others may hold. */
  onBudgetPressure(payload: string): void;
  /** A stored limit rule changed. */
  onRulesChanged(): void;
  /** A stored price changed. */
  onPricesChanged(): void;
  /** A process (the payload) has read its config file anew and asks all others to do the same. */
  onReloadAsked(process: string): void;
  /** A stored credential of a provider changed. */
  onCredentialsChanged(): void;
  /** What {@link sendHeartbeat} sent came back through the listening connection. */
  onBeat(sentAtMs: number): void;
  /** The connection (again) listens; what was sent before is lost. */
  onListening(): void;
}

/** Listens on a connection of its own, which comes back by itself after a loss. */
export async function listenForKeyChanges(
  database: Database,
  listener: KeyChangeListener,
): Promise<{ close(): Promise<void> }> {
  const sql = database.openConnection("listen");
  await sql.listen("key_changed", (payload) => listener.onKeyChanged(payload));
  await sql.listen("keys_imported", (payload) => listener.onImported(payload));
  await sql.listen("key_cut", (payload) => listener.onKeyCut(payload));
  await sql.listen("budget_pressure", (payload) => listener.onBudgetPressure(payload));
  await sql.listen("limit_rule_changed", () => listener.onRulesChanged());
  await sql.listen("model_price_changed", () => listener.onPricesChanged());
  await sql.listen("config_reload", (payload) => listener.onReloadAsked(payload));
  await sql.listen("credential_changed", () => listener.onCredentialsChanged());
  await sql.listen(
    listener.beatChannel,
    (payload) => listener.onBeat(Number(payload)),
    () => listener.onListening(),
  );
  return { close: () => sql.end({ timeout: 1 }) };
}

/** Asks all other gateways, once the transaction is committed, to read their config files anew. */
export async function sendReload(transaction: postgres.TransactionSql, process: string): Promise<void> {
  await transaction`select pg_notify('config_reload', ${process})`;
}

/**
 * Tells all gateways, once the transaction is committed, to end the running calls of a key. The key's row says so too, for
 * those that do not listen at that moment (see {@link listCutKeys}).
 */
export async function sendKeyCut(transaction: postgres.TransactionSql, publicId: string): Promise<void> {
  await transaction`
    with cut as (update api_key set calls_cut = true where public_id = ${publicId} returning public_id)
    select pg_notify('key_cut', public_id) from cut`;
}

/** Those of the keys that were revoked together with their running calls. */
export async function listCutKeys(sql: postgres.Sql, publicIds: readonly string[]): Promise<string[]> {
  const rows = await sql<{ public_id: string }[]>`
    select public_id from api_key
    where public_id = any(${[...publicIds]}::text[]) and calls_cut and state = 'revoked'`;
  return rows.map((row) => row.public_id);
}

/**
 * Sends a beat to this process's own channel.
 *
 * @returns the database's clock in milliseconds since 1970.
 * @throws when PostgreSQL does not answer within two seconds.
 */
export async function sendHeartbeat(database: Database, beatChannel: string, sentAtMs: number): Promise<number> {
  const query = database.sql<{ now_ms: string }[]>`
    select pg_notify(${beatChannel}, ${String(sentAtMs)}), extract(epoch from clock_timestamp()) * 1000 as now_ms`;
  const timer = setTimeout(() => query.cancel(), 2_000);
  try {
    const [row] = await query;
    return Number(row?.now_ms);
  } finally {
    clearTimeout(timer);
  }
}

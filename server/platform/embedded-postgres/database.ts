import postgres from "postgres";
import { type Connection, SUPERUSER } from "./connection-file.ts";

const UNKNOWN_DATABASE = "3D000";

/** Makes sure that the database of `connection` exists and that its password is accepted. Costs one connection, about 10 ms. */
export async function loadDatabase(connection: Connection, port: number, isNewCluster: boolean): Promise<void> {
  // In a new cluster it is not there, and asking would leave a FATAL line in the log.
  if (!isNewCluster && (await isThere(connection, port))) return;
  const client = openClient({ ...connection, database: "postgres" }, port);
  try {
    await client`create database ${client(connection.database)}`;
  } finally {
    await client.end({ timeout: 1 });
  }
}

async function isThere(connection: Connection, port: number): Promise<boolean> {
  const client = openClient(connection, port);
  try {
    await client`select 1`;
    return true;
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === UNKNOWN_DATABASE) return false;
    throw error;
  } finally {
    await client.end({ timeout: 1 });
  }
}

function openClient(connection: Connection, port: number): postgres.Sql {
  return postgres({
    host: "127.0.0.1",
    port,
    user: SUPERUSER,
    password: connection.password,
    database: connection.database,
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
  });
}

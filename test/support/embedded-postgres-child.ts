/**
 * A process that owns an embedded PostgreSQL, for tests that kill it: `node embedded-postgres-child.js OPTIONS`.
 * Tells what happens as one JSON object per line; `stop` on its standard input shuts it down in order.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { openEmbeddedPostgres } from "../../server/platform/embedded-postgres/embedded-postgres.ts";

const options: { dataDir: string } = JSON.parse(process.argv[2] ?? "{}");

function tell(event: string, details: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, atMs: Math.round(performance.now()), ...details })}\n`);
}

try {
  tell("opening");
  const server = await openEmbeddedPostgres({ ...options, onLog: (line) => tell("log", { line }) });
  const { databaseUrl, port, pid, freshlyInitialised } = server;
  tell("open", { databaseUrl, port, pid, freshlyInitialised, uid: process.getuid?.() });
  const input = createInterface({ input: process.stdin });
  await once(input, "line");
  await server.stop();
  tell("stopped");
  process.exit(0);
} catch (error) {
  tell("error", { name: (error as Error).name, message: (error as Error).message });
  process.exit(1);
}

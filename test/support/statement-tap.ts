import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What a gateway asks whether or not anybody calls: heartbeats, the audit log's checkpoint, limit rules, prices and
 * credentials that may have changed, the health of providers, and twice a second at most the sum of what was refused, however much that was.
 */
export const ofItself =
  /pg_notify|audit_entry|budget_process|limit_rule_version|from model_price|from provider_credential|insert into usage_refusal|insert into provider_health/;

/** What PostgreSQL was asked, read off the wire: the ground truth for "no query". */
export interface StatementTap {
  /** The database's URL by way of the tap. */
  url: string;
  /** Text of each statement that was sent to be run, in order. */
  statements: string[];
  close(): Promise<void>;
}

/** Opens a TCP proxy before PostgreSQL that reads the statements in the frontend's messages and passes all on. */
export async function openStatementTap(databaseUrl: string): Promise<StatementTap> {
  const target = new URL(databaseUrl);
  const statements: string[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    const read = makeReader(statements);
    client.on("data", read);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
      socket.on("error", () => undefined);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    statements,
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function readText(bytes: Buffer, start: number): { text: string; end: number } {
  const end = bytes.indexOf(0, start);
  return { text: bytes.toString("utf8", start, end), end: end + 1 };
}

/** Reads one connection: the start-up message has no type byte, all others are a type, a length and a body. */
function makeReader(statements: string[]): (chunk: Buffer) => void {
  const prepared = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const offset = started ? 1 : 0;
      if (rest.length < offset + 4) return;
      const end = offset + rest.readInt32BE(offset);
      if (rest.length < end) return;
      const type = started ? String.fromCharCode(rest[0] as number) : "";
      const body = rest.subarray(offset + 4, end);
      if (type === "Q") statements.push(readText(body, 0).text);
      else if (type === "P") {
        const name = readText(body, 0);
        prepared.set(name.text, readText(body, name.end).text);
      } else if (type === "B") {
        const portal = readText(body, 0);
        statements.push(prepared.get(readText(body, portal.end).text) ?? "(unknown statement)");
      }
      started = true;
      rest = rest.subarray(end);
    }
  };
}

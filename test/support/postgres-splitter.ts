import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy that tells a gateway's LISTEN connection from all others, so that it can be broken alone. */
export interface PostgresSplitter {
  /** The database's URL by way of the splitter. */
  url: string;
  close(): Promise<void>;
}

/**
 * Sends connections whose application name ends with `:listen` to one port and the others to another; on each a
 * `FaultProxy` may stand before the same PostgreSQL.
 */
export async function openPostgresSplitter(
  databaseUrl: string,
  ports: { listen: number; rest: number },
): Promise<PostgresSplitter> {
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    let head: Buffer = Buffer.alloc(0);
    const keep = (socket: Socket, other: () => Socket | null): void => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other()?.destroy();
      });
    };
    let server: Socket | null = null;
    keep(client, () => server);
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      // The start-up message: its length, the protocol, then names and values that end with a zero byte each.
      if (head.length < 4 || head.length < head.readInt32BE(0)) return;
      client.off("data", read);
      client.pause();
      const words = head.toString("latin1", 8).split("\0");
      const name = words[words.indexOf("application_name") + 1] ?? "";
      server = connect({
        host: "127.0.0.1",
        port: name.endsWith(":listen") ? ports.listen : ports.rest,
        noDelay: true,
      });
      keep(server, () => client);
      server.write(head);
      client.pipe(server).pipe(client);
    };
    client.on("data", read);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

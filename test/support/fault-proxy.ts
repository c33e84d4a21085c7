import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy whose network can be broken. Every toxic lasts until `resume`. */
export interface FaultProxy {
  port: number;
  /** Connections that clients hold now. */
  readonly connectionCount: number;
  /** Ends every connection with a RST on both sides; new ones work. */
  cut(): void;
  /** New connections are answered with a RST, as from a host where nothing listens. */
  refuse(): void;
  /** Nothing is read from either side; buffers fill and backpressure is felt. New connections hang. */
  pause(): void;
  /** Everything is read and thrown away. New connections are accepted, and reach nobody. */
  blackhole(): void;
  /** Each piece is passed on this many milliseconds late, in order, in both directions. */
  delay(delayMs: number): void;
  /** Ends all toxics. What was thrown away stays lost; a connection that reached nobody is cut. */
  resume(): void;
  close(): Promise<void>;
}

interface Pair {
  client: Socket;
  server: Socket | null;
}

/** `resetAndDestroy` alone sends a FIN first and waits for what is still to be written. */
function sendReset(socket: Socket | null): void {
  socket?.resetAndDestroy();
  socket?.destroy();
}

/** Opens a proxy on a free loopback port. */
export async function openFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let mode: "pass" | "refuse" | "pause" | "blackhole" = "pass";
  let delayMs = 0;

  const reset = (pair: Pair): void => {
    sendReset(pair.client);
    sendReset(pair.server);
    pairs.delete(pair);
  };

  const forward = (from: Socket, to: Socket): void => {
    // Pieces wait in one row, so that none passes an earlier one when the delay is changed.
    const row: { atMs: number; action: () => void }[] = [];
    const work = (): void => {
      while (row[0] !== undefined && row[0].atMs <= performance.now()) row.shift()?.action();
      if (row[0] !== undefined) setTimeout(work, row[0].atMs - performance.now());
    };
    const later = (action: () => void): void => {
      if (row.length === 0 && delayMs === 0) {
        action();
        return;
      }
      if (row.push({ atMs: performance.now() + delayMs, action }) === 1) setTimeout(work, delayMs);
    };
    from.on("data", (bytes) => {
      if (mode === "blackhole") return;
      later(() => {
        if (to.destroyed || to.write(bytes)) return;
        from.pause();
        to.once("drain", () => {
          if (mode !== "pause") from.resume();
        });
      });
    });
    from.on("end", () => {
      if (mode !== "blackhole") later(() => to.end());
    });
    from.on("error", () => sendReset(to));
    from.on("close", () => later(() => to.end()));
  };

  const join = (pair: Pair): void => {
    const server = connect({ ...target, noDelay: true, allowHalfOpen: true });
    pair.server = server;
    forward(pair.client, server);
    forward(server, pair.client);
    if (mode === "pause") server.pause();
  };

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const pair: Pair = { client, server: null };
    if (mode === "refuse") {
      sendReset(client);
      return;
    }
    pairs.add(pair);
    client.on("close", () => pairs.delete(pair));
    client.on("error", () => {});
    if (mode === "pass") join(pair);
    else if (mode === "pause") client.pause();
    else client.resume();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));

  const setFlow = (flow: "pause" | "resume"): void => {
    for (const { client, server } of pairs) {
      client[flow]();
      server?.[flow]();
    }
  };

  return {
    port: (listener.address() as AddressInfo).port,
    get connectionCount() {
      return pairs.size;
    },
    cut: () => [...pairs].forEach(reset),
    refuse() {
      mode = "refuse";
    },
    pause() {
      mode = "pause";
      setFlow("pause");
    },
    blackhole() {
      mode = "blackhole";
      setFlow("resume");
    },
    delay(value) {
      delayMs = value;
    },
    resume() {
      const held = mode;
      mode = "pass";
      delayMs = 0;
      for (const pair of [...pairs]) {
        if (pair.server === null && held === "pause") join(pair);
        else if (pair.server === null) reset(pair);
      }
      setFlow("resume");
    },
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      [...pairs].forEach(reset);
      await closed;
    },
  };
}

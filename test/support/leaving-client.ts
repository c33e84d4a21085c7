import { connect } from "node:net";

/** A client on a connection of its own that goes away when it is told to. */
export interface LeavingClient {
  /** All bytes so far, head and chunk sizes included. */
  received(): string;
  /** Resolves once `isReached(received)`; rejects where the connection ends before. */
  until(isReached: (received: string) => boolean): Promise<void>;
  /** Sends more of the request. */
  write(bytes: Buffer): void;
  /** Closes both directions at once, with a RST where asked for; resolves once the socket is gone. */
  leave(how?: "fin" | "rst"): Promise<void>;
}

/** Connects and sends `bytes`. */
export async function openLeavingClient(port: number, bytes: Buffer): Promise<LeavingClient> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let received = "";
  let closed = false;
  let look: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    socket.on("close", () => {
      closed = true;
      look();
      resolve();
    });
  });
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    look();
  });
  socket.write(bytes);
  return {
    received: () => received,
    until: (isReached) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (isReached(received)) resolve();
          else if (closed) reject(new Error(`the connection ended after ${received.length} bytes`));
        };
        look();
      }),
    write: (more) => void socket.write(more),
    leave(how = "fin") {
      if (how === "rst") socket.resetAndDestroy();
      else socket.destroy();
      return gone;
    },
  };
}

/** One chat request as it stands on the wire. */
export function makeChatRequest(key: string, body: object, path = "/v1/chat/completions"): Buffer {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: gateway",
    "Content-Type: application/json",
    `Authorization: Bearer ${key}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`);
}

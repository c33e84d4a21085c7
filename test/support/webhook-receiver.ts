import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A message as it arrived. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Somebody else's server that takes webhooks. */
export interface WebhookReceiver {
  url: string;
  received: Received[];
  /** What it does with the next messages; 200 to begin with. */
  answer: (response: ServerResponse, message: Received) => void;
  close(): Promise<void>;
}

export async function openWebhookReceiver(): Promise<WebhookReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url = "", headers } = request;
      const message = { path: url, headers, body: Buffer.concat(chunks).toString() };
      receiver.received.push(message);
      receiver.answer(response, message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: (response) => void response.end("ok"),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return receiver;
}

/**
 * How many of a message's signatures are right for a secret, as a receiver counts them.
 *
 * Source: Standard Webhooks, "Verifying webhook authenticity".
 */
export function countGoodSignatures({ headers, body }: Received, secret: string): number {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const text = [headers["webhook-id"], headers["webhook-timestamp"], body].join(".");
  const right = createHmac("sha256", key).update(text).digest();
  return String(headers["webhook-signature"] ?? "")
    .split(" ")
    .filter((part) => {
      const given = Buffer.from(part.replace(/^v1,/, ""), "base64");
      return part.startsWith("v1,") && given.length === right.length && timingSafeEqual(given, right);
    }).length;
}

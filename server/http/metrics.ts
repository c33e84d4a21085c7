import type { Request, Response } from "express";
import type { FindClientAddress } from "../core/client-address.ts";
import { makeRefusal } from "../core/error.ts";
import type { Metrics } from "../platform/metrics.ts";
import { sendRefusal } from "./error-handler.ts";

export interface MetricsDeps {
  metrics: Pick<Metrics, "text" | "contentType">;
  findClientAddress: FindClientAddress;
  /** Whether the caller presented a key that may read usage. Asked only where the peer is not this machine itself. */
  authorize(request: Request): boolean | Promise<boolean>;
}

/** A proxy on this machine is a loopback peer too, but says for whom it asks. */
const forwardingHeaders = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Answers the exposition text to this machine itself, or to whoever may read usage. */
export function makeMetricsHandler({ metrics, findClientAddress, authorize }: MetricsDeps) {
  return async (request: Request, response: Response): Promise<void> => {
    if (!isThisMachine(request, findClientAddress(request)) && !(await authorize(request))) {
      const hasCredential = request.headers.authorization !== undefined;
      sendRefusal(response, makeRefusal(hasCredential ? "permission_denied" : "missing_api_key"));
      return;
    }
    const text = await metrics.text();
    response.setHeader("cache-control", "no-store");
    response.setHeader("content-type", metrics.contentType);
    response.send(text);
  };
}

function isThisMachine(request: Request, address: string): boolean {
  const isLoopback = address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
  return isLoopback && !forwardingHeaders.some((name) => request.headers[name] !== undefined);
}

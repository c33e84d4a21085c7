import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { openChild } from "../processes/child.ts";
import { isListening } from "../processes/listening.ts";
import { chatRequest } from "../upstream/chat.ts";
import type { TrafficKind, Upstream } from "../upstream/upstream.ts";
import type { Subject } from "./subject.ts";

/** Starts the control: bare `node:http` + undici `dispatch`. */
export async function openBareProxy(upstream: Upstream, subjectCores: string, folder: string): Promise<Subject> {
  const ports: Record<TrafficKind, number> = {
    json: await findFreePort(null),
    stream: await findFreePort(null),
    slow: await findFreePort(null),
  };
  const kinds = ["json", "stream", "slow"] as const;
  const child = await openChild({
    name: "bare proxy",
    command: process.execPath,
    args: [
      fileURLToPath(new URL("bare-proxy-server.mjs", import.meta.url)),
      ...kinds.map((kind) => `${ports[kind]}:${upstream.ports[kind]}`),
    ],
    cores: subjectCores,
    outputFile: join(folder, "bare.log"),
    isReady: () => isListening(ports.slow),
  });
  return {
    name: "bare",
    setup:
      "node:http + undici dispatch, buffered request body, keep-alive on both sides; no keys, no limits, no metering, no log",
    target: (kind) => ({
      port: ports[kind],
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json" },
      body: chatRequest("bench", kind !== "json"),
    }),
    pids: () => [child.pid],
    otherPids: () => [],
    close: child.close,
  };
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { openChild } from "../processes/child.ts";
import { listDescendants } from "../processes/descendants.ts";
import { isListening } from "../processes/listening.ts";
import { chatRequest } from "../upstream/chat.ts";
import type { TrafficKind, Upstream } from "../upstream/upstream.ts";
import { nginxConfig } from "./nginx-config.ts";
import type { Subject } from "./subject.ts";

/** Starts nginx as a plain reverse proxy with one worker. */
export async function openNginxProxy(upstream: Upstream, subjectCores: string, folder: string): Promise<Subject> {
  const ports: Record<TrafficKind, number> = {
    json: await findFreePort(null),
    stream: await findFreePort(null),
    slow: await findFreePort(null),
  };
  const servers = (["json", "stream", "slow"] as const).map(
    (kind) => `
  upstream ${kind} { server 127.0.0.1:${upstream.ports[kind]}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${ports[kind]} backlog=4096;
    location / {
      proxy_pass http://${kind};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering ${kind === "json" ? "on" : "off"};
      proxy_read_timeout 600s;
    }
  }`,
  );
  const configFile = join(folder, "proxy.conf");
  writeFileSync(configFile, nginxConfig(folder, "proxy", servers.join("")));
  const child = await openChild({
    name: "nginx (proxy)",
    command: "nginx",
    args: ["-e", "stderr", "-p", folder, "-c", configFile],
    cores: subjectCores,
    outputFile: join(folder, "proxy.log"),
    isReady: () => isListening(ports.slow),
  });
  return {
    name: "nginx",
    setup:
      "one worker, keep-alive on both sides, proxy_buffering off for streams, no access log; no keys, no limits, no metering",
    target: (kind) => ({
      port: ports[kind],
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json" },
      body: chatRequest("bench", kind !== "json"),
    }),
    pids: () => [child.pid, ...listDescendants(child.pid)],
    otherPids: () => [],
    close: child.close,
  };
}

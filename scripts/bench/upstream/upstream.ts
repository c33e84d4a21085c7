import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { isAnswering } from "../processes/answering.ts";
import { openChild } from "../processes/child.ts";
import { nginxConfig } from "../subjects/nginx-config.ts";
import { chatAnswer } from "./chat.ts";
import type { StreamServerReady } from "./stream-server.ts";

/** `json`: a fixed answer. `stream`: SSE at full speed. `slow`: SSE that stays open until `finishSlowStreams`. */
export type TrafficKind = "json" | "stream" | "slow";

/** The provider that all subjects call, on the load generator's cores. */
export interface Upstream {
  readonly ports: Readonly<Record<TrafficKind, number>>;
  readonly finishSlowStreams: () => void;
  readonly close: () => Promise<void>;
}

/** Starts nginx for the JSON answer and the streaming server. */
export async function openUpstream(folder: string, loadCores: string): Promise<Upstream> {
  const jsonPort = await findFreePort(null);
  const configFile = join(folder, "upstream.conf");
  const answer = `location / { default_type application/json; return 200 '${chatAnswer}'; }`;
  writeFileSync(
    configFile,
    nginxConfig(folder, "upstream", `server { listen 127.0.0.1:${jsonPort} backlog=4096; ${answer} }`),
  );
  const nginx = await openChild({
    name: "nginx (upstream)",
    command: "nginx",
    args: ["-e", "stderr", "-p", folder, "-c", configFile],
    cores: loadCores,
    outputFile: join(folder, "upstream.log"),
    isReady: () => isAnswering(`http://127.0.0.1:${jsonPort}/`),
  });
  const streams = fork(fileURLToPath(new URL("stream-server.ts", import.meta.url)), [], { stdio: "inherit" });
  const [ready] = (await once(streams, "message")) as [StreamServerReady];
  return {
    ports: { json: jsonPort, stream: ready.fastPort, slow: ready.slowPort },
    finishSlowStreams: () => void streams.send("finish"),
    close: async () => {
      streams.disconnect();
      await Promise.all([once(streams, "exit"), nginx.close()]);
    },
  };
}

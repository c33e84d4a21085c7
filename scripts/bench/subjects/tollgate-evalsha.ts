import { join } from "node:path";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { openChild } from "../processes/child.ts";
import type { Cores } from "../processes/cores.ts";
import { isListening } from "../processes/listening.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Subject } from "./subject.ts";
import { tollgateSubject } from "./tollgate.ts";
import { insertBenchKeys } from "./tollgate-keys.ts";
import { openTollgateProcess } from "./tollgate-process.ts";

/** Never reached, so that every request is counted and none refused. */
const requestsPerMinute = 1_000_000_000;

/** Starts Tollgate with a Redis of the bench's own and a key whose rate limit makes each request one EVALSHA. */
export async function openTollgateEvalsha(upstream: Upstream, cores: Cores, folder: string): Promise<Subject> {
  const port = await findFreePort(null);
  const redis = await openChild({
    name: "redis",
    command: "redis-server",
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      ...["--maxmemory-policy", "noeviction"],
    ],
    cores: cores.load,
    outputFile: join(folder, "redis.log"),
    cwd: folder,
    isReady: () => isListening(port),
  });
  try {
    const tollgate = await openTollgateProcess(upstream, cores, folder, `redis://127.0.0.1:${port}`);
    try {
      const [key] = await insertBenchKeys(tollgate.databaseUrl, tollgate.pepper, 1, {
        requests_per_minute: requestsPerMinute,
      });
      if (key === undefined) throw new Error("no key was stored");
      const subject = tollgateSubject(tollgate, key);
      return {
        ...subject,
        name: "tollgate-evalsha",
        setup:
          "as tollgate, with REDIS_URL and a requests_per_minute on the key: one EVALSHA for each request; Redis runs on the " +
          "load generator's core and is counted to what is beside the gateway",
        otherPids: () => [redis.pid, ...tollgate.otherPids()],
        close: async () => {
          await tollgate.close();
          await redis.close();
        },
      };
    } catch (error) {
      await tollgate.close();
      throw error;
    }
  } catch (error) {
    await redis.close();
    throw error;
  }
}

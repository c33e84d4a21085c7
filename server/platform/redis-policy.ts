import type { Redis } from "ioredis";
import { waitFor } from "./backoff.ts";
import type { Logger } from "./logger.ts";

/** The only policy under which Redis keeps what it was given: queues and counters are not a cache. */
const keepsAll = "noeviction";
const answerMs = 1_000;

/** What Redis does when its memory is full. @throws where it does not answer. */
export async function findMemoryPolicy(redis: Redis): Promise<{ policy: string; evicts: boolean }> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info("memory"))?.[1] ?? "unknown";
  return { policy, evicts: policy !== keepsAll };
}

/**
 * Makes a check that fails where Redis may evict. It is made once by itself as soon as Redis answers, so that the log of a
 * start says it. A Redis that is away evicts nothing: the gateway goes on without it.
 */
export function makePolicyCheck(redis: Redis, logger: Logger): () => Promise<void> {
  let told = "";
  const check = async (): Promise<void> => {
    const timer = new AbortController();
    const asked = findMemoryPolicy(redis).catch(() => null);
    const found = await Promise.race([asked, waitFor(answerMs, timer.signal).then(() => null)]);
    timer.abort();
    if (found === null) return;
    const isNew = told !== found.policy;
    told = found.policy;
    if (!found.evicts) return;
    if (isNew) {
      const { policy } = found;
      logger.warn({ policy }, "Redis may throw away rate limits and jobs; set its maxmemory-policy to noeviction");
    }
    throw new Error(`maxmemory-policy ${found.policy}`);
  };
  redis.on("ready", () => void check().catch(() => undefined));
  redis.connect().catch(() => undefined);
  return check;
}

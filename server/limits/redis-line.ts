import type { Redis } from "ioredis";
import { loadRedisScript, type RedisScript } from "./redis-script.ts";

/** Redis failed, or did not answer in time, or is known to be away. */
class RedisAway extends Error {
  override readonly name = "RedisAway";
}

/** How often the oldest command is looked at. One timer for all: one for each command costs 1 us. */
const watchMs = 25;
/**
 * A command that is older than as many looks opens the breaker: 100 to 125 ms where the event loop turns freely. Looks and not
 * milliseconds, because in a process that is held up itself answers are read late, and Redis is not to blame for it.
 */
const looksMax = 4;
const probeMs = 250;
/** A connection on which a probe hangs this long is made anew. */
const hangMs = 2_000;

export const epochKey = "{tollgate}:rate:epoch";
const epochScript = loadRedisScript("rate-epoch");

interface Waiting {
  sentAtLook: number;
  isOver: boolean;
  reject(error: Error): void;
}

export interface RedisLineOptions {
  redis: Redis;
  nowMs: () => number;
  /** The epoch that was in force before Redis went away; `""`: none was known. */
  findEpoch: () => string;
  onDown(reason: string): void;
  /** Redis answers again, with this epoch. */
  onUp(epoch: string): void;
}

/**
 * A circuit breaker around Redis: the first command that fails or takes too long opens it, and all that wait are told at once.
 * While it is open nothing is sent but a probe, four times a second. Two that succeed close it again.
 *
 * The last probe ends the epoch under which Redis went away. So commands that Redis carries out late, and what processes let
 * through without it, cannot be mistaken for a complete count: every counter is unknown then and comes from the ledger. Of
 * many processes that come back, the first one does it.
 */
export class RedisLine {
  readonly #options: RedisLineOptions;
  #waiting: Waiting[] = [];
  #isUp = false;
  /** Nothing was decided without Redis yet. */
  #isFresh = true;
  #seenEpoch = "";
  #goodProbes = 0;
  #looks = 0;
  #probeSentAtMs: number | null = null;
  readonly #watcher: NodeJS.Timeout;
  readonly #prober: NodeJS.Timeout;
  readonly #firstProbe: Promise<void>;

  constructor(options: RedisLineOptions) {
    this.#options = options;
    this.#watcher = setInterval(() => this.#watch(), watchMs);
    this.#watcher.unref();
    this.#prober = setInterval(() => void this.#probe(), probeMs);
    this.#prober.unref();
    options.redis.on("close", () => this.#open("the connection was lost"));
    this.#firstProbe = options.redis.connect().then(
      () => this.#probe(),
      () => {
        this.#isFresh = false;
      },
    );
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Resolves when Redis was tried for the first time. */
  ready(): Promise<void> {
    return this.#firstProbe;
  }

  /** @throws RedisAway, and nothing else, within about an eighth of a second. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (!this.#isUp) return Promise.reject(new RedisAway("Redis is away"));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { sentAtLook: this.#looks, isOver: false, reject };
      this.#waiting.push(waiting);
      script.run(this.#options.redis, keys, args).then(
        (reply) => {
          waiting.isOver = true;
          resolve(reply);
        },
        (error: unknown) => {
          if (!waiting.isOver) this.#open(error instanceof Error ? error.message : String(error));
        },
      );
    });
  }

  close(): void {
    clearInterval(this.#watcher);
    clearInterval(this.#prober);
    this.#isUp = false;
    this.#options.redis.disconnect();
  }

  /** Answers come in order, so the first that waits is the oldest. */
  #watch(): void {
    this.#looks++;
    const first = this.#waiting.findIndex(({ isOver }) => !isOver);
    this.#waiting = first === -1 ? [] : this.#waiting.slice(first);
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#looks - oldest.sentAtLook <= looksMax) return;
    // The answer may be there and not be read yet.
    setImmediate(() => {
      if (!oldest.isOver) this.#open(`no answer within ${looksMax * watchMs} ms`);
    });
  }

  #open(reason: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#goodProbes = 0;
    this.#options.onDown(reason);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.isOver) continue;
      one.isOver = true;
      one.reject(new RedisAway(reason));
    }
  }

  async #probe(): Promise<void> {
    if (this.#isUp) return;
    const { redis, nowMs, findEpoch } = this.#options;
    if (this.#probeSentAtMs !== null) {
      if (nowMs() - this.#probeSentAtMs > hangMs) redis.disconnect(true);
      return;
    }
    if (redis.status !== "ready") return;
    const sentAtLook = this.#looks;
    this.#probeSentAtMs = nowMs();
    try {
      const isLast = this.#isFresh || this.#goodProbes > 0;
      const ends = isLast && !this.#isFresh ? findEpoch() || this.#seenEpoch : "";
      const epoch = String(await epochScript.run(redis, [epochKey], [ends]));
      this.#seenEpoch = epoch;
      if (this.#looks - sentAtLook > looksMax) this.#goodProbes = 0;
      else if (!isLast) this.#goodProbes++;
      else {
        this.#isUp = true;
        this.#options.onUp(epoch);
      }
    } catch {
      this.#goodProbes = 0;
    } finally {
      this.#isFresh = false;
      this.#probeSentAtMs = null;
    }
  }
}

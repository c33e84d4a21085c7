import type { Redis } from "ioredis";
import type { RateBucket, RateSlots } from "../core/rate-limit.ts";
import type { Counts } from "../platform/count-metrics.ts";
import type { Logger } from "../platform/logger.ts";
import { type HeldUse, HeldUses } from "./held-uses.ts";
import { MemoryWindows, unknownUse } from "./memory-windows.ts";
import { findAmount, findReservation } from "./rate-amount.ts";
import type {
  LoadSeed,
  RateAmounts,
  RateAnswer,
  RateExcess,
  RateGrant,
  RateState,
  RateWindows,
} from "./rate-windows.ts";
import { parseStates, parseWaitMs, type ReserveCall } from "./redis-command.ts";
import { RedisLine } from "./redis-line.ts";
import { RedisReserves } from "./redis-reserves.ts";
import { epochCheckMs, RedisUpdates } from "./redis-updates.ts";

/** Seeds, a new epoch and one more of each between them; a call that needs more than this is not decided. */
const attemptsMax = 8;
/** A place is free again this long after its process was last heard of. Two prolongings of three may be lost. */
const leaseMsUnlessGiven = 30_000;
const renewalsPerLease = 3;

export interface RedisWindowsOptions {
  redis: Redis;
  /** Monotonic. */
  nowMs: () => number;
  loadSeed: LoadSeed | null;
  /** Gateway processes that count, this one too; at least 1. */
  liveProcesses: () => number;
  /** Of this process alone, for the names of its places. */
  process: string;
  logger: Logger;
  metrics: Pick<Counts, "rateBreakerOpenings">;
  /** Of a place among the running calls; 30 s unless a test has no time. */
  leaseMs?: number;
}

const nothing: RateAmounts = { requests: 0, inputTokens: 0, outputTokens: 0, cost: 0n };

/**
 * Counters in Redis, for any number of processes: one command for the calls of a turn of the event loop, whatever they count in.
 * Where Redis is away, each process enforces its share from the ledger: its own uses count once for every live process.
 */
export class RedisWindows implements RateWindows {
  readonly #options: RedisWindowsOptions;
  readonly #held = new HeldUses();
  readonly #line: RedisLine;
  readonly #updates: RedisUpdates;
  readonly #reserves: RedisReserves;
  readonly #heartbeat: NodeJS.Timeout;
  #share: MemoryWindows;
  readonly #leaseMs: number;
  #renewedAtMs = 0;
  #names = 0;

  constructor(options: RedisWindowsOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? leaseMsUnlessGiven;
    this.#share = this.#makeShare();
    const { logger, metrics } = options;
    this.#line = new RedisLine({
      redis: options.redis,
      nowMs: options.nowMs,
      findEpoch: () => this.#updates.epoch,
      onDown: (reason) => {
        metrics.rateBreakerOpenings++;
        void this.#share.close();
        this.#share = this.#makeShare();
        const processes = this.#countProcesses();
        logger.warn({ reason, processes }, "Redis is away: this process enforces its share of the rate limits");
      },
      onUp: (epoch) => {
        logger.info("the rate limits are in Redis");
        this.#updates.adopt(epoch).catch(() => undefined);
      },
    });
    this.#updates = new RedisUpdates(this.#line, this.#held, this.#leaseMs);
    this.#reserves = new RedisReserves(this.#line, this.#updates, this.#leaseMs);
    this.#heartbeat = setInterval(() => this.#beat(), epochCheckMs);
    this.#heartbeat.unref();
  }

  get size(): number {
    return this.#held.runningCount + this.#share.size;
  }

  /** False while each process enforces its share. */
  get isShared(): boolean {
    return this.#line.isUp;
  }

  /** Resolves when Redis was tried for the first time. */
  ready(): Promise<void> {
    return this.#line.ready();
  }

  reserve(
    buckets: readonly RateBucket[],
    slots: readonly RateSlots[],
    amounts: RateAmounts,
    isBound: boolean,
  ): RateAnswer | Promise<RateAnswer> {
    if (this.#line.isUp) return this.#reserveInRedis(buckets, slots, amounts, isBound);
    return this.#reserveShare(buckets, slots, amounts, isBound);
  }

  list(buckets: readonly RateBucket[]): readonly RateState[] | Promise<readonly RateState[]> {
    if (!this.#line.isUp) return this.#share.list(buckets);
    return this.#ask({ buckets, slots: [], reserved: [], name: "", counts: false }).then((answer) =>
      answer === "away" ? this.#share.list(buckets) : answer.states,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    for (const use of this.#held.listRunning()) {
      for (const { id } of use.slots) this.#updates.push({ kind: "release", slotsId: id, name: use.name });
    }
    await this.#updates.flush();
    this.#line.close();
    await this.#share.close();
  }

  async #reserveInRedis(
    buckets: readonly RateBucket[],
    slots: readonly RateSlots[],
    amounts: RateAmounts,
    isBound: boolean,
  ): Promise<RateAnswer> {
    const reserved = buckets.map(({ limit }) => findReservation(limit, amounts, isBound));
    const name = slots.length === 0 ? "" : `${this.#options.process}:${this.#names++}`;
    const answer = await this.#ask({ buckets, slots, reserved, name, counts: true });
    if (answer === "away") return this.#reserveShare(buckets, slots, amounts, isBound);
    if ("reason" in answer) return answer;
    const { states, epoch, atUs } = answer;
    return this.#makeGrant(
      { buckets, slots, name, amounts: reserved, epoch, atUs, endedAtMs: null, place: -1 },
      states,
      null,
    );
  }

  /** One question, and more only where there are seeds. */
  async #ask(call: ReserveCall): Promise<RateExcess | { states: RateState[]; epoch: string; atUs: number } | "away"> {
    const { buckets } = call;
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const reply = await this.#reserves.ask(call);
        if (reply === null) continue;
        const { epoch, atUs, answer } = reply;
        const [kind, second = 0, third = 0] = answer;
        if (kind === 1) return { states: parseStates(buckets, answer, 1), epoch, atUs };
        if (kind === 3) {
          const states = parseStates(buckets, answer, 3);
          if (second === 0) return { ok: false, reason: "slots", limit: null, waitMs: 0, states };
          const limit = buckets[second - 1]?.limit ?? null;
          return { ok: false, reason: "limit", limit, waitMs: parseWaitMs(third), states };
        }
        const unknown = answer.slice(1).map((number) => buckets[number - 1] as RateBucket);
        if (!(await this.#seed(epoch, unknown))) return unknownUse;
      }
      return unknownUse;
    } catch {
      return "away";
    }
  }

  /** @returns false where the ledger cannot be read. */
  async #seed(epoch: string, buckets: readonly RateBucket[]): Promise<boolean> {
    const { loadSeed } = this.#options;
    let seeds: Awaited<ReturnType<LoadSeed>>[];
    try {
      seeds = await Promise.all(buckets.map((bucket) => loadSeed?.(bucket) ?? Promise.resolve([])));
    } catch {
      return false;
    }
    await this.#updates.run(
      epoch,
      buckets.map((bucket, index) => ({ kind: "seed", bucket, steps: seeds[index] ?? [] })),
    );
    return true;
  }

  #reserveShare(
    buckets: readonly RateBucket[],
    slots: readonly RateSlots[],
    amounts: RateAmounts,
    isBound: boolean,
  ): RateAnswer | Promise<RateAnswer> {
    const finish = (answer: RateAnswer): RateAnswer => {
      if (!answer.ok) return answer;
      const name = slots.length === 0 ? "" : `${this.#options.process}:${this.#names++}`;
      const reserved = buckets.map(({ limit }) => findReservation(limit, amounts, isBound));
      return this.#makeGrant(
        { buckets, slots, name, amounts: reserved, epoch: "", atUs: 0, endedAtMs: null, place: -1 },
        answer.states,
        answer,
      );
    };
    const answer = this.#share.reserve(buckets, slots, amounts, isBound);
    return answer instanceof Promise ? answer.then(finish) : finish(answer);
  }

  #makeGrant(use: HeldUse, states: readonly RateState[], local: RateGrant | null): RateGrant {
    this.#held.add(use);
    const end = (used: RateAmounts): void => {
      const before = use.amounts;
      this.#held.end(
        use,
        use.buckets.map(({ limit }) => findAmount(limit, used)),
        this.#options.nowMs(),
      );
      this.#updates.correct(use, before);
    };
    return {
      ok: true,
      states,
      settle: (used) => {
        end(used);
        local?.settle(used);
      },
      undo: () => {
        end(nothing);
        local?.undo();
      },
    };
  }

  #makeShare(): MemoryWindows {
    return new MemoryWindows({
      nowMs: this.#options.nowMs,
      loadSeed: this.#options.loadSeed,
      processes: () => this.#countProcesses(),
      // What the ledger does not know yet of this process; the others are taken to have as much.
      findHeld: ({ id }) => this.#held.sum(id) * this.#countProcesses(),
      countRunning: (id) => this.#held.countRunning(id),
    });
  }

  #countProcesses(): number {
    return Math.max(1, this.#options.liveProcesses());
  }

  #beat(): void {
    const nowMs = this.#options.nowMs();
    this.#held.deleteOld(nowMs);
    if (!this.#line.isUp) return;
    // Also of a process without calls: what it let through counts under a new epoch, too.
    void this.#updates.checkEpoch();
    if (nowMs - this.#renewedAtMs < this.#leaseMs / renewalsPerLease) return;
    this.#renewedAtMs = nowMs;
    for (const { slots, name } of this.#held.listRunning()) {
      for (const { id } of slots) this.#updates.push({ kind: "lease", slotsId: id, name });
    }
  }
}

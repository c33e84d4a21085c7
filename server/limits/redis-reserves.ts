import { makeReserveCommand, type ReserveCall } from "./redis-command.ts";
import type { RedisLine } from "./redis-line.ts";
import { loadRedisScript } from "./redis-script.ts";
import type { RedisUpdates } from "./redis-updates.ts";

/** Calls in one command: about half a millisecond of Redis. */
const callsMax = 64;

const reserveScript = loadRedisScript("rate-counters", "rate-reserve");

/** What Redis says of one call: its answer as `rate-reserve.lua` has it, under which epoch, and when in us of Redis's clock. */
export interface ReserveReply {
  epoch: string;
  atUs: number;
  answer: readonly number[];
}

interface Waiting {
  call: ReserveCall;
  resolve(reply: ReserveReply | null): void;
  reject(error: unknown): void;
}

/**
 * Calls that arrive in one turn of the event loop travel to Redis in one command: a command of its own for each costs this
 * process and Redis more than the counting does.
 */
export class RedisReserves {
  readonly #line: RedisLine;
  readonly #updates: RedisUpdates;
  readonly #leaseMs: number;
  #waiting: Waiting[] = [];

  constructor(line: RedisLine, updates: RedisUpdates, leaseMs: number) {
    this.#line = line;
    this.#updates = updates;
    this.#leaseMs = leaseMs;
  }

  /** @returns `null` where another epoch has come, under which nothing was counted: ask again. @throws RedisAway. */
  ask(call: ReserveCall): Promise<ReserveReply | null> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ call, resolve, reject }) === 1) setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#updates.adopting !== null) await this.#updates.adopting.catch(() => undefined);
    for (let from = 0; from < waiting.length; from += callsMax) void this.#send(waiting.slice(from, from + callsMax));
  }

  async #send(waiting: readonly Waiting[]): Promise<void> {
    try {
      const calls = waiting.map(({ call }) => call);
      const sentEpoch = this.#updates.epoch;
      const { keys, args } = makeReserveCommand(sentEpoch, this.#leaseMs, calls);
      const [kind, second, ...answers] = (await this.#line.run(reserveScript, keys, args)) as [
        number,
        number | string,
        ...number[][],
      ];
      if (kind === 0) await this.#updates.adopt(String(second));
      for (const [index, { resolve }] of waiting.entries()) {
        resolve(kind === 0 ? null : { epoch: sentEpoch, atUs: Number(second), answer: answers[index] ?? [] });
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}

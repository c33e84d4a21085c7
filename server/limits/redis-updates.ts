import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { RateBucket } from "../core/rate-limit.ts";
import type { HeldUse, HeldUses } from "./held-uses.ts";
import { makeUpdateCommand, type RedisUpdate } from "./redis-command.ts";
import { epochKey, type RedisLine } from "./redis-line.ts";
import { loadRedisScript } from "./redis-script.ts";

/** Operations in one command: about 2 ms of Redis. */
const updatesMax = 500;
/** How often each process looks whether another epoch holds. */
export const epochCheckMs = 100;
/** Within this time all processes have brought their calls under a new epoch: what they look after, and a slow turn. */
const allBroughtMs = epochCheckMs + 50;

const updateScript = loadRedisScript("rate-counters", "rate-update");
const epochScript = loadRedisScript("rate-epoch");

/**
 * What goes to Redis after a call was counted: corrections and places, in one command for each turn of the event loop, waited
 * for by nobody. An update that is lost leaves too much counted, never too little, until the window is over.
 */
export class RedisUpdates {
  readonly #line: RedisLine;
  readonly #held: HeldUses;
  readonly #leaseMs: number;
  #waiting: RedisUpdate[] = [];
  #flushing: Promise<void> | null = null;
  #epoch = "";
  /** Not `null` while this process's calls are being brought under another epoch. */
  adopting: Promise<void> | null = null;

  constructor(line: RedisLine, held: HeldUses, leaseMs: number) {
    this.#leaseMs = leaseMs;
    this.#line = line;
    this.#held = held;
  }

  /** The epoch that this process counts under; `""` before the first. */
  get epoch(): string {
    return this.#epoch;
  }

  push(update: RedisUpdate): void {
    this.#waiting.push(update);
    if (this.#flushing !== null) return;
    this.#flushing = new Promise<void>((resolve) => {
      setImmediate(() => {
        this.#flushing = null;
        void this.flush().then(resolve);
      });
    });
  }

  /** Puts what an ended call came to in place of what it was counted as before. Sends only what differs. */
  correct(use: HeldUse, before: readonly number[]): void {
    // Under another epoch it is not counted yet; `adopt` brings it there as it is.
    if (use.epoch === "" || use.epoch !== this.#epoch) return;
    for (const [index, bucket] of use.buckets.entries()) {
      const delta = (use.amounts[index] ?? 0) - (before[index] ?? 0);
      if (delta !== 0) this.push({ kind: "change", bucket, atUs: use.atUs, delta });
    }
    for (const { id } of use.slots) this.push({ kind: "release", slotsId: id, name: use.name });
  }

  /** Sends what waits. Never throws: what fails is not sent again, because nobody knows whether it was done. */
  async flush(): Promise<void> {
    const updates = this.#waiting;
    this.#waiting = [];
    if (updates.length === 0 || !this.#line.isUp) return;
    await this.run(this.#epoch, updates).catch(() => undefined);
  }

  /** @throws RedisAway. */
  async run(epoch: string, updates: readonly RedisUpdate[]): Promise<void> {
    for (let from = 0; from < updates.length; from += updatesMax) {
      const { keys, args } = makeUpdateCommand(epoch, this.#leaseMs, updates.slice(from, from + updatesMax));
      const [kind] = (await this.#line.run(updateScript, keys, args)) as [number];
      if (kind === 0) return this.checkEpoch();
    }
  }

  /** Notices another epoch, also where there is none because Redis was emptied. Never throws. */
  async checkEpoch(): Promise<void> {
    try {
      await this.adopt(String(await this.#line.run(epochScript, [epochKey], [""])));
    } catch {
      // The line is down, and tells.
    }
  }

  /** Brings what this process holds under another epoch. @throws RedisAway. */
  adopt(epoch: string): Promise<void> {
    if (epoch === this.#epoch && this.adopting === null) return Promise.resolve();
    this.adopting ??= this.#bringOver(epoch).finally(() => {
      this.adopting = null;
    });
    return this.adopting;
  }

  async #bringOver(first: string): Promise<void> {
    const isFirstEver = this.#epoch === "";
    // Calls whose answers came together with the news are held after this turn.
    await nextTurn();
    let epoch = first;
    for (;;) {
      const held = this.#held.list().map((use) => ({ use, amounts: use.amounts, runs: use.endedAtMs === null }));
      const sums = new Map<string, { bucket: RateBucket; amount: number }>();
      const updates: RedisUpdate[] = [];
      for (const { use, amounts, runs } of held) {
        for (const [index, bucket] of use.buckets.entries()) {
          const sum = sums.get(bucket.id) ?? { bucket, amount: 0 };
          sum.amount += amounts[index] ?? 0;
          sums.set(bucket.id, sum);
        }
        if (runs) for (const { id } of use.slots) updates.push({ kind: "lease", slotsId: id, name: use.name });
      }
      for (const { bucket, amount } of sums.values()) if (amount > 0) updates.push({ kind: "add", bucket, amount });
      const brought = await this.#send(epoch, updates);
      if (typeof brought === "string") {
        epoch = brought;
        continue;
      }
      this.#epoch = epoch;
      for (const { use, amounts, runs } of held) {
        use.epoch = epoch;
        use.atUs = brought;
        // It ended meanwhile.
        if (runs && use.endedAtMs !== null) this.correct(use, amounts);
      }
      // Nothing is decided before the others have brought theirs: what runs there is counted nowhere else.
      if (!isFirstEver) await sleep(allBroughtMs);
      return;
    }
  }

  /** @returns when they were counted, in us of Redis's clock, or the epoch that holds instead. */
  async #send(epoch: string, updates: readonly RedisUpdate[]): Promise<number | string> {
    let atUs = 0;
    for (let from = 0; from < updates.length; from += updatesMax) {
      const { keys, args } = makeUpdateCommand(epoch, this.#leaseMs, updates.slice(from, from + updatesMax));
      const [kind, second] = (await this.#line.run(updateScript, keys, args)) as [number, number];
      if (kind === 0) return String(await this.#line.run(epochScript, [epochKey], [""]));
      atUs = second;
    }
    return atUs;
  }
}

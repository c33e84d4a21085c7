import type { RateBucket, RateSlots } from "../core/rate-limit.ts";
import { findLookBackMs } from "./rate-counter.ts";
import type { RateState, SeedStep } from "./rate-windows.ts";
import { epochKey } from "./redis-line.ts";

/**
 * Everything has one hash tag, so that it stands on one node of a cluster: a call's buckets (its key, its owner, a tag, …) have
 * nothing in common that would bring them together otherwise, and only what stands together can be counted all or none. One
 * node counts about 100,000 calls a second. The epoch in the name makes a counter of another epoch another counter.
 */
function makeRedisKey(epoch: string, id: string): string {
  return `{tollgate}:rate:${epoch}:${id}`;
}

function pushBucket(args: (string | number)[], { limit }: RateBucket): void {
  args.push(limit.refill === null ? "w" : "b", limit.windowMs, limit.limit, limit.refill ?? 0, findLookBackMs(limit));
}

/** A call to be counted, in all or in none. */
export interface ReserveCall {
  buckets: readonly RateBucket[];
  slots: readonly RateSlots[];
  /** For each bucket. */
  reserved: readonly number[];
  /** Names the call among those that hold a place of a kind. */
  name: string;
  /** False: only looks. */
  counts: boolean;
}

/** Keys and arguments of `rate-reserve.lua`. @param leaseMs of the places that are taken. */
export function makeReserveCommand(
  epoch: string,
  leaseMs: number,
  calls: readonly ReserveCall[],
): { keys: string[]; args: (string | number)[] } {
  const keys = [epochKey];
  const args: (string | number)[] = [epoch, leaseMs];
  for (const { buckets, slots, reserved, name, counts } of calls) {
    args.push(buckets.length, slots.length, counts ? 1 : 0, name);
    for (const [index, bucket] of buckets.entries()) {
      keys.push(makeRedisKey(epoch, bucket.id));
      pushBucket(args, bucket);
      args.push(reserved[index] ?? 0);
    }
    for (const { id, max } of slots) {
      keys.push(makeRedisKey(epoch, id));
      args.push(max);
    }
  }
  return { keys, args };
}

/** Reads the states at the end of an answer. */
export function parseStates(buckets: readonly RateBucket[], reply: readonly number[], from: number): RateState[] {
  return buckets.map(({ limit }, index) => {
    const resetUs = reply[from + index * 2 + 1] ?? 0;
    return { limit, remaining: reply[from + index * 2] ?? 0, resetMs: parseWaitMs(resetUs) };
  });
}

/** Lua's answers are integers: -1 stands for never. */
export function parseWaitMs(waitUs: number): number {
  return waitUs < 0 ? Number.POSITIVE_INFINITY : waitUs / 1_000;
}

/** One operation of `rate-update.lua`. */
export type RedisUpdate =
  | { kind: "change"; bucket: RateBucket; atUs: number; delta: number }
  | { kind: "add"; bucket: RateBucket; amount: number }
  | { kind: "seed"; bucket: RateBucket; steps: readonly SeedStep[] }
  | { kind: "lease"; slotsId: string; name: string }
  | { kind: "release"; slotsId: string; name: string };

/** Keys and arguments of `rate-update.lua`. @param leaseMs of the places that are taken or prolonged. */
export function makeUpdateCommand(
  epoch: string,
  leaseMs: number,
  updates: readonly RedisUpdate[],
): { keys: string[]; args: (string | number)[] } {
  const keys = [epochKey];
  const args: (string | number)[] = [epoch, leaseMs];
  for (const update of updates) {
    if (update.kind === "lease" || update.kind === "release") {
      keys.push(makeRedisKey(epoch, update.slotsId));
      args.push(update.kind === "lease" ? "l" : "r", update.name);
      continue;
    }
    keys.push(makeRedisKey(epoch, update.bucket.id));
    args.push(update.kind === "change" ? "c" : update.kind === "add" ? "a" : "s");
    pushBucket(args, update.bucket);
    if (update.kind === "change") args.push(update.atUs, update.delta);
    else if (update.kind === "add") args.push(update.amount);
    else {
      args.push(update.steps.length);
      for (const { firstAgeMs, lastAgeMs, amount } of update.steps)
        args.push(Math.floor(firstAgeMs * 1_000), Math.floor(lastAgeMs * 1_000), amount);
    }
  }
  return { keys, args };
}

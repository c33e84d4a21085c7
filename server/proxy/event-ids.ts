import { randomFillSync } from "node:crypto";
import { type EventId, makeEventId } from "../core/id.ts";
import type { Clock } from "../platform/clock.ts";

const randomPerId = 10;
const pooledIds = 512;

export type MakeEventId = () => EventId;

/** Makes ids from a pool of random bytes: one call to the system for 512 of them. */
export function openEventIds(clock: Clock): MakeEventId {
  const pool = Buffer.allocUnsafe(randomPerId * pooledIds);
  let offset = pool.length;
  return () => {
    if (offset === pool.length) {
      randomFillSync(pool);
      offset = 0;
    }
    const id = makeEventId(Math.floor(clock.nowMs()), pool, offset);
    offset += randomPerId;
    return id;
  };
}

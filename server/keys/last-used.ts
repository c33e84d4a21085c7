import type { Database } from "../../db/client.ts";
import { type KeyUse, updateLastUsed } from "../../db/queries/update-last-used.ts";
import type { Logger } from "../platform/logger.ts";
import type { KnownKey } from "./known-key.ts";

const granularityMs = 60_000;
const writeIntervalMs = 2_000;

export interface LastUsed {
  /** Notes a use. Costs a comparison unless a minute has passed since the last one that was written. */
  noticeUse(known: KnownKey, atMs: number, ip: string): void;
  close(): Promise<void>;
}

/** Writes `last_used_at` and `last_used_ip`, at most once a minute and key (and secret of a key that was rotated), in batches, never on a request's time. */
export function openLastUsed(deps: { database: Database; logger: Logger }): LastUsed {
  let uses = new Map<string, KeyUse>();

  async function write(): Promise<void> {
    if (uses.size === 0) return;
    const batch = uses;
    uses = new Map();
    try {
      await updateLastUsed(deps.database.sql, [...batch.values()]);
    } catch (error) {
      // Lost precision of a display value; the next use writes it.
      deps.logger.warn({ err: error, keys: batch.size }, "last_used_at could not be written");
    }
  }

  const timer = setInterval(() => void write(), writeIntervalMs);
  timer.unref();
  return {
    noticeUse(known, atMs, ip) {
      if (atMs - known.touchedAtMs < granularityMs) return;
      known.touchedAtMs = atMs;
      const { publicId } = known.key;
      const { secretDigest } = known;
      uses.set(secretDigest ?? publicId, { publicId, secretDigest, atMs, ip });
    },
    async close() {
      clearInterval(timer);
      await write();
    },
  };
}

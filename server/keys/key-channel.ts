import type { Database } from "../../db/client.ts";
import { listCutKeys, listenForKeyChanges, sendHeartbeat } from "../../db/queries/key-notifications.ts";
import type { Clock } from "../platform/clock.ts";

/** How long one heartbeat vouches for the channel: with a beat every 2 s, a cut is noticed within 6 s. */
const beatIntervalMs = 2_000;
export const trustMs = 6_000;

export interface KeyChannel {
  /** Monotonic milliseconds until which every change that was committed has been heard of. */
  trustedUntilMs(): number;
  /** Monotonic milliseconds of the last sign of life of PostgreSQL. */
  lastContactMs(): number;
  noticeContact(): void;
  close(): Promise<void>;
}

export interface KeyChannelOptions {
  database: Database;
  clock: Clock;
  /** Unique to this process; names its heartbeat's channel. */
  process: string;
  /** A key changed; `null`: any may have changed unseen. */
  onChange(publicId: string | null): void;
  /** A key was revoked together with the calls that it runs; told again to who missed it while the channel was down. */
  onCut(publicId: string): void;
  /** The keys with calls that run here now. */
  listRunning(): readonly string[];
  /** Keys of a format were imported; `null`: of any may have been, unheard. */
  onImported(format: string | null): void;
  /** Another process was refused money of a budget window that this one may hold. */
  onBudgetPressure(windowId: string): void;
  /** The stored limit rules changed, or may have, unheard. */
  onRules(): void;
  /** The stored prices changed, or may have, unheard. */
  onPrices(): void;
  /** Another process has read its config file anew and asks for the same. */
  onReload(): void;
  /** The stored credentials of providers changed, or may have, unheard. */
  onCredentials(): void;
  onState(up: boolean): void;
}

/**
 * Listens for changed keys, and proves with a heartbeat through the same connection that it still hears: a beat that came
 * back means that everything committed before it came too. Also carries the database's time to the clock.
 */
export async function openKeyChannel(options: KeyChannelOptions): Promise<KeyChannel> {
  const { clock, database } = options;
  const beatChannel = `tollgate_beat_${options.process.replaceAll("-", "_")}`;
  let trustedUntilMs = Number.NEGATIVE_INFINITY;
  let lastContactMs = Number.NEGATIVE_INFINITY;
  let up = false;
  let beating = false;

  const setUp = (now: boolean): void => {
    if (now !== up) options.onState(now);
    up = now;
  };

  const listener = await listenForKeyChanges(database, {
    beatChannel,
    onKeyChanged: (publicId) => options.onChange(publicId === "" ? null : publicId),
    onImported: (format) => options.onImported(format),
    onKeyCut: (publicId) => options.onCut(publicId),
    onBudgetPressure: (payload) => {
      const [refused, windowId] = payload.split(" ");
      if (refused !== options.process && windowId !== undefined) options.onBudgetPressure(windowId);
    },
    onRulesChanged: () => options.onRules(),
    onPricesChanged: () => options.onPrices(),
    onReloadAsked: (process) => {
      if (process !== options.process) options.onReload();
    },
    onCredentialsChanged: () => options.onCredentials(),
    onBeat: (sentAtMs) => {
      trustedUntilMs = Math.max(trustedUntilMs, sentAtMs + trustMs);
      setUp(true);
    },
    // Whatever was notified while nobody listened is lost: nothing that was read before counts any more.
    onListening: () => {
      trustedUntilMs = Number.NEGATIVE_INFINITY;
      options.onChange(null);
      options.onImported(null);
      options.onRules();
      options.onPrices();
      options.onCredentials();
      void beat();
      void cutUnheard();
    },
  });

  /** Ends what should have ended while nobody listened. Fails only with the database, and then this connection is lost again. */
  async function cutUnheard(): Promise<void> {
    const running = options.listRunning();
    if (running.length === 0) return;
    try {
      for (const publicId of await listCutKeys(database.sql, running)) options.onCut(publicId);
    } catch {
      // The next time that it listens asks again.
    }
  }

  async function beat(): Promise<void> {
    if (beating) return;
    beating = true;
    try {
      const sentAtMs = clock.monotonicMs();
      const databaseMs = await sendHeartbeat(database, beatChannel, sentAtMs);
      lastContactMs = clock.monotonicMs();
      clock.setDatabaseTime(databaseMs, sentAtMs, lastContactMs);
    } catch {
      // The next beat tries again; trust runs out by itself.
    } finally {
      beating = false;
      setUp(clock.monotonicMs() < trustedUntilMs);
    }
  }

  const timer = setInterval(() => void beat(), beatIntervalMs);
  timer.unref();
  return {
    trustedUntilMs: () => trustedUntilMs,
    lastContactMs: () => lastContactMs,
    noticeContact: () => {
      lastContactMs = clock.monotonicMs();
    },
    close: async () => {
      clearInterval(timer);
      await listener.close();
    },
  };
}

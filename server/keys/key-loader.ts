import type { PublicId } from "../core/api-key.ts";

/** What a batch brings back for one digest; `null`: no such key. */
export interface Loaded<T> {
  publicId: PublicId;
  value: T;
}

export interface KeyLoaderOptions<T> {
  /** Reads all digests (lower-case hex) in one query. Those that are unknown are missing from the answer. */
  read(digests: readonly string[]): Promise<Map<string, Loaded<T>>>;
  /** Least time between two reads. 10 ms bounds them to 100 a second, whatever is presented. */
  intervalMs: number;
  /** Digests in one read. */
  batchMax: number;
  /** Digests waiting; more are refused. */
  waitingMax: number;
}

/** More look-ups wait than may. */
export class KeyLoaderOverload extends Error {
  override readonly name = "KeyLoaderOverload";
}

interface Waiter<T> {
  promise: Promise<Loaded<T> | null>;
  resolve(value: Loaded<T> | null): void;
  reject(error: unknown): void;
}

/**
 * Look-ups of keys that are not in the cache: single-flight by digest, and all that are waiting go in one query, so that
 * a flood of unknown keys costs a bounded number of queries and delays the good ones by milliseconds.
 */
export class KeyLoader<T> {
  readonly #options: KeyLoaderOptions<T>;
  #waiting = new Map<string, Waiter<T>>();
  #inFlight: Map<string, Waiter<T>> | null = null;
  /** Keys that changed while a read was under way: what that read brings for them may be old. */
  #changedInFlight = new Set<string>();
  #forgetInFlight = false;
  #lastReadAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  readonly #monotonicMs: () => number;

  constructor(options: KeyLoaderOptions<T>, monotonicMs: () => number) {
    this.#options = options;
    this.#monotonicMs = monotonicMs;
  }

  /** @throws KeyLoaderOverload, or what the read threw. */
  load(digest: string): Promise<Loaded<T> | null> {
    const known = this.#waiting.get(digest) ?? this.#inFlight?.get(digest);
    if (known !== undefined) return known.promise;
    if (this.#waiting.size >= this.#options.waitingMax)
      return Promise.reject(new KeyLoaderOverload("too many look-ups"));
    const waiter = makeWaiter<T>();
    this.#waiting.set(digest, waiter);
    this.#schedule();
    return waiter.promise;
  }

  /** Tells that a key changed (`null`: that any may have): answers of the read under way are not trusted for it. */
  noticeChange(publicId: string | null): void {
    if (this.#inFlight === null) return;
    if (publicId === null) this.#forgetInFlight = true;
    else this.#changedInFlight.add(publicId);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const waiter of this.#waiting.values()) waiter.reject(new KeyLoaderOverload("closing"));
    this.#waiting.clear();
  }

  #schedule(): void {
    if (this.#inFlight !== null || this.#timer !== null || this.#waiting.size === 0) return;
    const waitMs = this.#lastReadAtMs + this.#options.intervalMs - this.#monotonicMs();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        void this.#readBatch();
      },
      Math.max(0, waitMs),
    );
  }

  async #readBatch(): Promise<void> {
    const batch = new Map<string, Waiter<T>>();
    for (const [digest, waiter] of this.#waiting) {
      if (batch.size >= this.#options.batchMax) break;
      batch.set(digest, waiter);
      this.#waiting.delete(digest);
    }
    this.#inFlight = batch;
    this.#lastReadAtMs = this.#monotonicMs();
    try {
      const found = await this.#options.read([...batch.keys()]);
      for (const [digest, waiter] of batch) {
        const loaded = found.get(digest) ?? null;
        const mayBeOld =
          this.#forgetInFlight ||
          (loaded === null ? this.#changedInFlight.size > 0 : this.#changedInFlight.has(loaded.publicId));
        if (mayBeOld) this.#waiting.set(digest, waiter);
        else waiter.resolve(loaded);
      }
    } catch (error) {
      for (const waiter of batch.values()) waiter.reject(error);
    } finally {
      this.#inFlight = null;
      this.#changedInFlight.clear();
      this.#forgetInFlight = false;
      this.#schedule();
    }
  }
}

function makeWaiter<T>(): Waiter<T> {
  let resolve: Waiter<T>["resolve"] = () => undefined;
  let reject: Waiter<T>["reject"] = () => undefined;
  const promise = new Promise<Loaded<T> | null>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

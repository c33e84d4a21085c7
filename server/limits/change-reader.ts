import type { Clock } from "../platform/clock.ts";

/** While nothing proves that changes are heard, what is stored is read this often; two tries fit into the promised 10 s. */
const rereadIntervalMs = 4_000;

export interface ChangeReaderOptions {
  clock: Clock;
  /** Reads what is stored and puts it in force. */
  load: () => Promise<void>;
  /** A load failed that nobody waits for. What was read before holds, and it is tried again. */
  onFailure: (error: unknown) => void;
}

/** Reads what admins stored whenever it has changed, or may have, unheard. Loads run one after the other. */
export class ChangeReader {
  readonly #options: ChangeReaderOptions;
  #loads: Promise<void> = Promise.resolve();
  #isLoadWaiting = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ChangeReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads for the first time.
   *
   * @param channel what says until when every change is heard of; while it does not, it is read every few seconds.
   * @throws when PostgreSQL cannot be reached.
   */
  async open(channel: { trustedUntilMs(): number }): Promise<void> {
    await this.load();
    this.#timer = setInterval(() => {
      if (this.#options.clock.monotonicMs() >= channel.trustedUntilMs()) this.noticeChange();
    }, rereadIntervalMs);
    this.#timer.unref();
  }

  /** What is stored has changed, or may have. What holds stays in force until it is read. */
  noticeChange(): void {
    // A load that has not begun yet will see the change.
    if (this.#isLoadWaiting || this.#isClosed) return;
    this.load().catch(this.#options.onFailure);
  }

  /** Reads once more, after the loads that go on. @throws when PostgreSQL cannot be reached. */
  load(): Promise<void> {
    this.#isLoadWaiting = true;
    const load = this.#loads.then(async () => {
      this.#isLoadWaiting = false;
      if (!this.#isClosed) await this.#options.load();
    });
    this.#loads = load.catch(() => undefined);
    return load;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#loads;
  }
}

import type { StreamGuard } from "./stream-guard.ts";

/** So much of an answer is held for a reader that is slower than the provider. */
const heldBytesMax = 64 * 1024;

/** The body of an answer as a web stream, filled as the bytes come. */
export class GuardedBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** `null`: bytes go through as they come. */
  guard: StreamGuard | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  /** `onWanted`: the reader has room again; `onLeft`: it will not read on. */
  constructor(onWanted: () => void, onLeft: () => void) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: onWanted,
        cancel: onLeft,
      },
      new ByteLengthQueuingStrategy({ highWaterMark: heldBytesMax }),
    );
  }

  get isFull(): boolean {
    return (this.#controller?.desiredSize ?? 0) <= 0;
  }

  /** False where the guard lets it not through. */
  push(chunk: Buffer): boolean {
    const whole = this.guard === null ? chunk : this.guard.push(chunk);
    if (whole === null) return false;
    if (whole.length > 0) this.#controller?.enqueue(whole);
    return true;
  }

  end(): void {
    const rest = this.guard?.end() ?? null;
    if (rest !== null) this.#controller?.enqueue(rest);
    this.#controller?.close();
  }

  fail(error: Error): void {
    this.#controller?.error(error);
  }
}

import { Pool } from "undici";
import type { Target } from "../subjects/subject.ts";

export interface OpenLoopResult {
  /** Milliseconds to the end of each answer. */
  readonly latenciesMs: readonly number[];
  /** Milliseconds to the first byte of each body. */
  readonly firstBytesMs: readonly number[];
}

/** Node's timers fire up to one millisecond late; a send later than that counts against the answer. */
const timerMs = 1;

/**
 * Sends at a fixed rate whatever the answers do, so that a stall is felt by every request that was due in it (no
 * coordinated omission). Time counts from the send, and from one millisecond after the due time where that is earlier.
 * Throws when an answer is not 200 or a connection fails.
 */
export async function runOpenLoop(target: Target, perSecond: number, seconds: number): Promise<OpenLoopResult> {
  const pool = new Pool(`http://127.0.0.1:${target.port}`, { connections: null, pipelining: 1 });
  const total = Math.round(perSecond * seconds);
  const latenciesMs: number[] = [];
  const firstBytesMs: number[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const startMs = performance.now();
      let sent = 0;
      const sendDue = () => {
        const nowMs = performance.now();
        for (; sent < total; sent += 1) {
          const dueMs = startMs + (sent * 1_000) / perSecond;
          if (dueMs > nowMs) break;
          sendOne(Math.min(performance.now(), dueMs + timerMs));
        }
        if (sent < total) setTimeout(sendDue, Math.max(0, startMs + (sent * 1_000) / perSecond - performance.now()));
      };
      const sendOne = (fromMs: number) => {
        let firstMs: number | undefined;
        pool.dispatch(
          { method: "POST", path: target.path, headers: target.headers, body: target.body },
          {
            onRequestStart() {},
            onResponseStart(_controller, status) {
              if (status !== 200) reject(new Error(`status ${status} in the open loop`));
            },
            onResponseData() {
              firstMs ??= performance.now();
            },
            onResponseEnd() {
              const endMs = performance.now();
              latenciesMs.push(endMs - fromMs);
              firstBytesMs.push((firstMs ?? endMs) - fromMs);
              if (latenciesMs.length === total) resolve();
            },
            onResponseError(_controller, error) {
              reject(error);
            },
          },
        );
      };
      sendDue();
    });
  } finally {
    await pool.destroy();
  }
  return { latenciesMs, firstBytesMs };
}

import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";
import type { Target } from "../subjects/subject.ts";

export interface SlowStreams {
  /** Resolves when every stream has had its first event; rejects when one failed. */
  readonly opened: Promise<void>;
  /** Resolves when every stream has ended with `[DONE]`; rejects when one failed or ended without it. */
  readonly ended: Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens `count` streams, `perSecond` at a time, and reads them to their end. */
export function openSlowStreams(target: Target, count: number, perSecond: number): SlowStreams {
  const pool = new Pool(`http://127.0.0.1:${target.port}`, {
    connections: null,
    pipelining: 1,
    bodyTimeout: 0,
    headersTimeout: 60_000,
  });
  let withFirstEvent = 0;
  let done = 0;
  const opened = withResolvers();
  const ended = withResolvers();
  const fail = (error: Error) => {
    opened.reject(error);
    ended.reject(error);
  };
  const openOne = () => {
    let started = false;
    let tail = "";
    pool.dispatch(
      { method: "POST", path: target.path, headers: target.headers, body: target.body },
      {
        onRequestStart() {},
        onResponseStart(_controller, status) {
          if (status !== 200) fail(new Error(`status ${status} for a slow stream`));
        },
        onResponseData(_controller, chunk) {
          tail = (tail + chunk.toString("latin1")).slice(-32);
          if (started) return;
          started = true;
          withFirstEvent += 1;
          if (withFirstEvent === count) opened.resolve();
        },
        onResponseEnd() {
          if (!tail.includes("[DONE]"))
            return fail(new Error(`a stream ended without [DONE], with ${JSON.stringify(tail)}`));
          done += 1;
          if (done === count) ended.resolve();
        },
        onResponseError(_controller, error) {
          fail(error);
        },
      },
    );
  };
  const openAll = async () => {
    const perStep = Math.max(1, Math.round(perSecond / 20));
    for (let open = 0; open < count; open += perStep) {
      for (let step = open; step < Math.min(count, open + perStep); step += 1) openOne();
      await delay(50);
    }
  };
  openAll().catch(fail);
  return { opened: opened.promise, ended: ended.promise, close: () => pool.destroy() };
}

function withResolvers() {
  let resolve = () => {};
  let reject = (_error: Error) => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {}); // told by whoever awaits it; never an unhandled rejection
  return { promise, resolve, reject };
}

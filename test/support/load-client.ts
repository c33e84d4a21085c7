import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "./seeded-random.ts";

/** Begins each prompt: what a client says must stand nowhere but at the provider. */
export const promptCanary = "heliotrope-quartz-lantern";

/** A call that was answered whole. */
export interface AnsweredCall {
  requestId: string;
  endedAtMs: number;
}

export interface LoadClient {
  /** Calls that are open now. */
  readonly inFlight: number;
  readonly answered: AnsweredCall[];
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  /** Begun; answered with an error status; ended without a whole answer; not connected at all. */
  readonly counts: { begun: number; refused: number; broken: number; unconnected: number };
  /** Begins no more calls, and waits for those that are open. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Each call goes to one of these. */
  urls: readonly string[];
  /** Each call is made with one of these. */
  keys: readonly string[];
  /** Calls that are open at any time. */
  concurrency: number;
  random: SeededRandom;
  /** `stream`: whether it may, must or must not stream. */
  models: readonly { name: string; stream: "either" | "always" | "never" }[];
  /** Least time from one begin to the next of the same lane. */
  pauseMs: number;
}

/** Calls the gateway over and over, half of it streams, whatever comes of it. */
export function openLoad(options: LoadOptions): LoadClient {
  const { random } = options;
  const counts = { begun: 0, refused: 0, broken: 0, unconnected: 0 };
  const statuses = new Map<number, number>();
  const answered: AnsweredCall[] = [];
  let inFlight = 0;
  let isStopped = false;

  const callOnce = async (): Promise<void> => {
    const model = random.pick(options.models);
    const stream = model.stream === "either" ? random.next() < 0.5 : model.stream === "always";
    const content = `${promptCanary} ${random.integer(1e9)} ${"word ".repeat(random.integer(40))}`;
    counts.begun++;
    inFlight++;
    let requestId: string | null = null;
    try {
      const response = await fetch(`${random.pick(options.urls)}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${random.pick(options.keys)}`, "content-type": "application/json" },
        body: JSON.stringify({ model: model.name, stream, messages: [{ role: "user", content }] }),
      });
      requestId = response.headers.get("x-request-id");
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const text = await response.text();
      if (response.status !== 200) counts.refused++;
      else if (stream && !text.endsWith("data: [DONE]\n\n")) counts.broken++;
      else answered.push({ requestId: requestId ?? "", endedAtMs: performance.now() });
    } catch {
      // Nobody listens while the gateway is being started again.
      if (requestId === null) counts.unconnected++;
      else counts.broken++;
    } finally {
      inFlight--;
    }
  };
  const lane = async (): Promise<void> => {
    while (!isStopped) {
      const begunMs = performance.now();
      await callOnce();
      const restMs = begunMs + options.pauseMs - performance.now();
      if (restMs > 0) await sleep(restMs);
    }
  };
  const lanes = Array.from({ length: options.concurrency }, lane);
  return {
    get inFlight() {
      return inFlight;
    },
    answered,
    statuses,
    counts,
    async stop() {
      isStopped = true;
      await Promise.all(lanes);
    },
  };
}

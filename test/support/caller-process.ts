import { fork } from "node:child_process";
import { once } from "node:events";
import { findBuiltProgram } from "./built-program.ts";

/** One call to `/v1/chat/completions`. */
export interface PlannedCall {
  url: string;
  key: string;
  body: Readonly<Record<string, unknown>>;
  /** Counted from the start of the whole plan. */
  delayMs: number;
}

/** How it was answered; milliseconds since the epoch. */
export interface CallAnswer {
  /** 0: not at all. */
  status: number;
  /** The error's code; `""`: none. */
  code: string;
  /** What the answer says that the call cost, in USD; `null`: nothing. */
  costUsd: string | null;
  sentAtMs: number;
  /** When the head of the answer came: it was decided by then. */
  decidedAtMs: number;
  /** When its last byte came, or it broke off. */
  endedAtMs: number;
}

/** Clients in a process of their own: a thousand calls at once would hold up the networks that stand in the test's. */
export interface CallerProcess {
  /** Makes all calls, each when it is due, and answers in the same order. */
  run(plan: readonly PlannedCall[]): Promise<CallAnswer[]>;
  close(): Promise<void>;
}

const entry = findBuiltProgram("caller-child");

export function openCallerProcess(): CallerProcess {
  const child = fork(entry);
  let last: Promise<unknown> = Promise.resolve();
  const runOne = async (plan: readonly PlannedCall[]): Promise<CallAnswer[]> => {
    child.send(plan);
    const [answers] = (await once(child, "message")) as [CallAnswer[]];
    return answers;
  };
  return {
    run(plan) {
      const mine = last.then(() => runOne(plan));
      last = mine.catch(() => undefined);
      return mine;
    },
    async close() {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
    },
  };
}

import { formatAllowedNames } from "../core/allowed-names.ts";
import { ConfigError, formatConfigValue } from "./config-error.ts";

/** Points of a call's life, and of the upkeep behind it, at which a process under test can be made to die. */
export const failpoints = [
  /** The record that a call begins is on file; nobody has been told. */
  "journal-opened",
  /** The provider is called next. */
  "before-dispatch",
  /** The first byte of an answer has come; nothing of it was passed on. */
  "first-byte",
  /** PostgreSQL has answered what it lends; nobody here knows. */
  "lease-granted",
  /** What a call held of its budgets is settled here; the record that it has ended is not written. */
  "hold-settled",
  /** The record that a call has ended is on file. */
  "journal-closed",
  /** A batch of events is written, but not committed. */
  "before-commit",
  /** A batch of events is committed; its journal does not know. */
  "after-commit",
  /** A batch of a dead process's journal is committed; its folder is still there. */
  "recovered-batch",
  /** Parts are added to the hours, but not committed. */
  "hours-added",
  /** Parts are added to the hours and committed; others wait. */
  "hours-committed",
  /** Refusals are added to the hours, but not committed. */
  "refusals-added",
  /** A day is computed from its hours, but not committed. */
  "day-computed",
  /** A day is computed from its hours and committed; others wait. */
  "day-committed",
] as const;
export type FailpointName = (typeof failpoints)[number];

export interface Failpoint {
  name: FailpointName;
  /** 1 for the first time that the point is passed. */
  nth: number;
}

let armed: Failpoint | null = null;
let passes = 0;

/**
 * Reads `NAME` or `NAME:NTH`.
 *
 * @throws ConfigError where there is no such point.
 */
export function parseFailpoint(text: string): Failpoint {
  const [, word = "", nth = "1"] = /^([a-z-]+)(?::([1-9]\d{0,6}))?$/.exec(text) ?? [];
  const name = failpoints.find((known) => known === word);
  if (name !== undefined) return { name, nth: Number(nth) };
  throw new ConfigError([
    {
      path: "TOLLGATE_FAILPOINT",
      found: `found ${formatConfigValue(text)}`,
      allowed: `${formatAllowedNames(word, failpoints)}, and the count after a colon where it is not 1`,
    },
  ]);
}

/** From now on this process dies at that point; `null`: at none. */
export function setFailpoint(failpoint: Failpoint | null): void {
  armed = failpoint;
  passes = 0;
}

/** Ends this process with SIGKILL where a test asked for it. Otherwise one comparison. */
export function passFailpoint(name: FailpointName): void {
  if (armed !== null && armed.name === name && ++passes === armed.nth) process.kill(process.pid, "SIGKILL");
}

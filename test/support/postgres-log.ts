import { appendFileSync, readFileSync } from "node:fs";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Superuser URL of the run's PostgreSQL, database `postgres`. */
    postgresUrl: string;
    /** Where tests write which lines of PostgreSQL's log they cause on purpose. */
    expectedLogFile: string;
  }
}

/**
 * Declares that this test makes PostgreSQL log an error that matches. Any other ERROR, FATAL or PANIC fails the whole
 * run, so that an error which a retry hides is seen. The pattern is held against the line and its DETAIL and STATEMENT.
 */
export function expectPostgresLog(pattern: RegExp): void {
  appendFileSync(inject("expectedLogFile"), `${JSON.stringify({ source: pattern.source, flags: pattern.flags })}\n`);
}

export function loadExpectedPatterns(file: string): RegExp[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter(Boolean).map((line) => {
    const { source, flags } = JSON.parse(line) as { source: string; flags: string };
    return new RegExp(source, flags.replace(/[gy]/g, ""));
  });
}

const entryStart = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+ \[\d+\] /;
/** These carry on the entry before them. */
const continuation = /\] \S* ?(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION): /;
const severe = /\] \S* ?(?:ERROR|FATAL|PANIC): /;

/** Two workers put the same schedule in order at once: BullMQ refuses the second with an error, and the first has done it. */
const schedulerRace = /scheduler job id collision/;

/** A client that is closed while it signs in says goodbye (88 is `X`, Terminate) where a password is due: nothing was asked yet. */
const leftAtSignIn = /FATAL: {2}expected SASL response, got message type 88$/m;

/** The severe entries of a log text that no pattern expects, each with its lines. */
export function findUnexpectedEntries(text: string, expected: readonly RegExp[]): string[] {
  const entries: string[] = [];
  for (const line of text.split("\n")) {
    const last = entries.length - 1;
    if (last < 0 || (entryStart.test(line) && !continuation.test(line))) entries.push(line);
    else entries[last] += `\n${line}`;
  }
  return entries
    .filter((entry) => severe.test(entry.split("\n", 1)[0] ?? "") || /deadlock detected/.test(entry))
    .filter((entry) => ![...expected, schedulerRace, leftAtSignIn].some((pattern) => pattern.test(entry)));
}

import type { ReconcileBook, ReconcileCause } from "./reconcile-schema.ts";

/** One row of a book that is not what it should be. Counts of calls, nano-USD. */
export interface BookDifference {
  book: ReconcileBook;
  /** Milliseconds since 1970; `null` where it has no time. */
  atMs: number | null;
  object: string;
  fields: readonly string[];
  expected: BookFigures;
  found: BookFigures;
}

export interface BookFigures {
  /** `null`: the book does not count calls. */
  requests: number | null;
  /** `null`: the book holds no money. */
  costNanoUsd: bigint | null;
}

export interface ExplainedDifference extends BookDifference {
  cause: ReconcileCause;
}

/** A batch whose events are not those that it names, and what it spans. */
export interface FaultyPart {
  firstMs: number;
  lastMs: number;
  missing: number;
}

const hourMs = 3_600_000;
const priceFields: ReadonlySet<string> = new Set(["cost_nano_usd", "unpriced_requests"]);

/**
 * Says why each row differs. Hours that a faulty batch reaches into are the batch's fault: there the raw events are wrong, and the
 * hours, which were made before, may well be right.
 */
export function explainDifferences(
  differences: readonly BookDifference[],
  faulty: readonly FaultyPart[],
): ExplainedDifference[] {
  const findPart = ({ book, atMs, expected, found }: BookDifference): FaultyPart | undefined => {
    const more = (found.requests ?? 0) - (expected.requests ?? 0);
    return book === "hour" && atMs !== null ? faulty.find((part) => isExplainedBy(part, atMs, more)) : undefined;
  };
  const moved = findMoved(
    differences.filter((difference) => difference.book === "hour" && findPart(difference) === undefined),
  );
  return differences.map((difference) => {
    const { book, fields, expected, found } = difference;
    const more = (found.requests ?? 0) - (expected.requests ?? 0);
    if (book === "budget") return { ...difference, cause: "budget_drift" };
    if (book === "ledger") return { ...difference, cause: more < 0 ? "lost" : "doubled" };
    const part = findPart(difference);
    if (part !== undefined) return { ...difference, book: "ledger", cause: part.missing > 0 ? "lost" : "doubled" };
    if (moved.has(difference)) return { ...difference, cause: "wrong_period" };
    if (more !== 0) return { ...difference, cause: more < 0 ? "lost" : "doubled" };
    return { ...difference, cause: fields.every((field) => priceFields.has(field)) ? "wrong_price" : "rollup_drift" };
  });
}

/** Whether the hour that begins at `atMs` has a moment of the batch, and calls too many where events are missing, or too few. */
function isExplainedBy({ firstMs, lastMs, missing }: FaultyPart, atMs: number, more: number): boolean {
  return atMs + hourMs > firstMs && atMs <= lastMs && (missing > 0 ? more > 0 : more < 0);
}

/** Rows of a series whose calls and cost are all there, in other hours. */
function findMoved(hours: readonly BookDifference[]): ReadonlySet<BookDifference> {
  const bySeries = new Map<string, BookDifference[]>();
  for (const difference of hours) {
    const known = bySeries.get(difference.object);
    if (known === undefined) bySeries.set(difference.object, [difference]);
    else known.push(difference);
  }
  const moved = new Set<BookDifference>();
  for (const rows of bySeries.values()) {
    const calls = rows.filter(({ fields }) => fields.includes("requests"));
    if (calls.length < 2) continue;
    const requests = calls.reduce(
      (sum, { expected, found }) => sum + (found.requests ?? 0) - (expected.requests ?? 0),
      0,
    );
    const cost = calls.reduce(
      (sum, { expected, found }) => sum + (found.costNanoUsd ?? 0n) - (expected.costNanoUsd ?? 0n),
      0n,
    );
    if (requests === 0 && cost === 0n) for (const row of calls) moved.add(row);
  }
  return moved;
}

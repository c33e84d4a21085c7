import { createHash } from "node:crypto";
import { z } from "zod";
import type { QueryUsageInput } from "./usage-question.ts";

/** Where a page of usage ended. The range stays that of the first page, so that no page holds a row of another. */
export interface UsageCursor {
  fromMs: number;
  toMs: number;
  /** What the last row was put in order by, most significant first; whole numbers. */
  sort: readonly string[];
  /** The group values of the last row. */
  values: readonly (string | null)[];
}

const shape = z.tuple([
  z.string(),
  z.int(),
  z.int(),
  z.array(z.string().regex(/^-?\d{1,40}(\.\d{1,40})?$/)).length(3),
  z.array(z.string().max(1_000).nullable()).max(8),
]);

/** Of all that decides which rows there are and in which order. */
function makeQuestionHash({ limit: _limit, cursor: _cursor, from, to, ...question }: QueryUsageInput): string {
  const fields = Object.entries({ ...question, from: from?.getTime(), to: to?.getTime() })
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(fields)).digest("base64url").slice(0, 12);
}

export function makeUsageCursor(question: QueryUsageInput, cursor: UsageCursor): string {
  const { fromMs, toMs, sort, values } = cursor;
  const text = JSON.stringify([makeQuestionHash(question), fromMs, toMs, sort, values]);
  return Buffer.from(text).toString("base64url");
}

/** @returns `null` where it is none of ours, or was made for another question. */
export function parseUsageCursor(question: QueryUsageInput, text: string): UsageCursor | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return null;
  }
  const read = shape.safeParse(value);
  if (!read.success) return null;
  const [hash, fromMs, toMs, sort, values] = read.data;
  return hash === makeQuestionHash(question) && fromMs < toMs ? { fromMs, toMs, sort, values } : null;
}

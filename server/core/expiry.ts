/** What a deployment allows. Days of 24 hours. */
export interface ExpiryPolicy {
  expiryDaysDefault: number;
  expiryDaysMax: number;
  allowNoExpiry: boolean;
}

const dayMs = 86_400_000;
const shape = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? ?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d))$/;

/**
 * Reads an instant: RFC 3339, or TensorZero's `2025-12-20 23:00:00.000000 UTC`. Finer than a millisecond is cut off.
 *
 * @returns `null` where it is neither, has no offset, or names a day or time that does not exist.
 */
export function parseInstant(text: string): Date | null {
  const match = shape.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const fractionMs = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, fractionMs);
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return null;
  if (match[8] !== undefined) return local;
  const offsetHours = Number(match[10]);
  const offsetMinutes = Number(match[11]);
  if (offsetHours > 23 || offsetMinutes > 59) return null;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (match[9] === "-" ? -1 : 1);
  return new Date(local.getTime() - offsetMs);
}

/**
 * Decides when a key ends.
 *
 * @param requested `undefined`: the deployment's default; `null`: never.
 * @param nowMs milliseconds since 1970 by database time.
 * @returns the end, or what is wrong with the wish.
 */
export function makeExpiry(
  requested: Date | null | undefined,
  nowMs: number,
  policy: ExpiryPolicy,
): { expiresAt: Date | null } | { problem: string } {
  if (requested === undefined) return { expiresAt: new Date(nowMs + policy.expiryDaysDefault * dayMs) };
  if (requested === null) {
    if (policy.allowNoExpiry) return { expiresAt: null };
    return {
      problem: `must be an instant at most ${policy.expiryDaysMax} days ahead: keys without an end are not allowed here`,
    };
  }
  if (requested.getTime() <= nowMs) return { problem: "must lie in the future" };
  if (requested.getTime() > nowMs + policy.expiryDaysMax * dayMs) {
    return { problem: `must be at most ${policy.expiryDaysMax} days ahead` };
  }
  return { expiresAt: requested };
}

/** The longest overlap of a rotation. */
export const overlapMaxMs = 30 * dayMs;
const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: dayMs };

/**
 * Reads how long an old secret works on: `0`, or a whole number with `s`, `m`, `h` or `d`, like `24h`.
 *
 * @returns milliseconds; `null` where it is none of these or more than 30 days.
 */
export function parseOverlap(text: string): number | null {
  if (text === "0") return 0;
  const match = /^([1-9]\d{0,6})([smhd])$/.exec(text);
  if (match === null) return null;
  const overlapMs = Number(match[1]) * (unitsMs[match[2] ?? ""] ?? Number.NaN);
  return overlapMs <= overlapMaxMs ? overlapMs : null;
}

/** Tells whether a key has ended at `nowMs` (database time). The instant itself is already past the end. */
export function isExpired(expiresAt: Date | null, nowMs: number): boolean {
  return expiresAt !== null && expiresAt.getTime() <= nowMs;
}

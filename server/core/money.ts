/** Nano-USD: 10^-9 USD. All money in the product is an integer of these. */
export type NanoUsd = bigint;

const nanoPerUsd = 1_000_000_000n;
const usdText = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/**
 * Reads an amount of USD exactly. A string has at most nine decimal places; a number is rounded to the nearest nano-USD.
 *
 * @returns nano-USD, or `null` where the value is negative, not finite, too large (>= 10^12 USD) or not a decimal.
 */
export function parseUsd(value: string | number): NanoUsd | null {
  if (typeof value === "number") {
    if (!Number.isFinite(value) || value < 0 || value >= 1e12 || Object.is(value, -0)) return null;
    return parseUsd(value.toFixed(9));
  }
  const match = usdText.exec(value);
  if (match === null) return null;
  return BigInt(match[1] ?? "0") * nanoPerUsd + BigInt((match[2] ?? "").padEnd(9, "0"));
}

/** Below this a double holds the amount, and its quotient by {@link nanoPerUsd} is never rounded up to a whole one. */
const quickMax = 2n ** 52n;
const zeros: readonly string[] = Array.from({ length: 9 }, (_, count) => "0".repeat(count));

/** Writes nano-USD as a decimal string in USD, without trailing zeros: `1500000000n` is `"1.5"`. */
export function formatUsd(nano: NanoUsd): string {
  if (nano < 0n) return `-${formatUsd(-nano)}`;
  if (nano >= quickMax) return `${nano / nanoPerUsd}${formatFraction(Number(nano % nanoPerUsd))}`;
  // It is on every answer, and numbers take a quarter of the time of `bigint`.
  const amount = Number(nano);
  const whole = Math.floor(amount / 1e9);
  return `${whole}${formatFraction(amount - whole * 1e9)}`;
}

/** @param rest below 10^9. */
function formatFraction(rest: number): string {
  if (rest === 0) return "";
  let digits = rest;
  let count = 9;
  while (digits % 10 === 0) {
    digits /= 10;
    count--;
  }
  const text = String(digits);
  return `.${zeros[count - text.length]}${text}`;
}

/**
 * The same amount as a plain number of nano-USD, for counters of rates that hold nothing else. Exact up to 9 million USD;
 * more counts as that. Never for a sum of charges or a bill.
 */
export function makeNanoCount(nano: NanoUsd): number {
  return nano > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(nano);
}

/** The nearest float in USD, for gauges that people look at. Never for a sum, a limit or a bill. */
export function makeUsdGauge(nano: NanoUsd): number {
  return Number(nano) / 1e9;
}

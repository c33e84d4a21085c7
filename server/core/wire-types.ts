import { z } from "zod";
import { parseInstant } from "./expiry.ts";
import { type NanoUsd, parseUsd } from "./money.ts";

/** PostgreSQL stores no NUL, and UTF-8 has no lone surrogates. */
const unstorable = /[\0\p{Cs}]/u;
const control = /\p{Cc}/u;

/** One line of text: no control characters, `min` to `max` UTF-16 code units. */
export function wireLine(max: number, min = 1) {
  return z
    .string()
    .min(min)
    .max(max)
    .refine(
      (text) => !control.test(text) && !unstorable.test(text),
      "must be one line of text without control characters",
    );
}

/** Text of several lines. */
export function wireText(max: number) {
  return z
    .string()
    .max(max)
    .refine((text) => !unstorable.test(text), "must hold neither NUL nor half a character");
}

/** An instant: on the wire text, in code a `Date`. */
export const wireInstant = z
  .string()
  .max(64)
  .transform((text, context): Date => {
    const instant = parseInstant(text);
    if (instant !== null) return instant;
    context.addIssue({ code: "custom", message: "must be an instant in RFC 3339, like 2027-01-31T12:00:00Z" });
    return z.NEVER;
  })
  .meta({ wire: { type: "string", format: "date-time", maxLength: 64 } });

/** The same by name for the many schemas of answers. */
export const wireInstantOut = z.iso.datetime();

/** The largest amount on the wire, 10^9 USD: as nano-USD it and the sum of several fit 64 bits. */
const nanoUsdMax: NanoUsd = 1_000_000_000_000_000_000n;

const usdText = "must be an amount in USD from 0 to 1000000000 with at most nine decimal places";
/** Money: on the wire a decimal string or a number in USD, in code nano-USD. */
export const wireUsd = z
  .union([z.string().max(32), z.number()], { error: usdText })
  .transform((value, context): NanoUsd => {
    const nano = parseUsd(value);
    if (nano !== null && nano <= nanoUsdMax) return nano;
    context.addIssue({ code: "custom", message: usdText });
    return z.NEVER;
  });

function isTimezone(name: string): boolean {
  // Offsets like `+05:30` are left out: PostgreSQL reads their sign the other way round.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** An IANA timezone. */
export const wireTimezone = z.string().refine(isTimezone, "must be an IANA timezone, like Europe/Berlin or UTC");

/** A whole number that only a number says. */
export function wireInteger(min: number, max: number) {
  return z
    .number()
    .int()
    .min(min)
    .max(max)
    .refine((value) => !Object.is(value, -0), "must be a whole number, not -0");
}

/** A whole number as a number (tRPC) or as digits (a query string, a header). */
export function wireDigits(min: number, max: number) {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}$/, "must be a whole number")
        .transform(Number),
    ])
    .pipe(z.number().int().min(min).max(max))
    .meta({ wire: { type: "integer", minimum: min, maximum: max } });
}

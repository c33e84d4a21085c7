import type { AlertBody } from "./alert-schema.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether nothing is to be sent at an instant. The period may span midnight; where both ends are the same it is none. */
export function isQuiet(quiet: AlertBody["quiet_hours"], nowMs: number): boolean {
  if (quiet === null || quiet.from === quiet.to) return false;
  const { from, to, timezone } = quiet;
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(timezone, format);
  }
  // `HH:MM` in order of time is in order of text.
  const time = format.format(nowMs);
  return from < to ? time >= from && time < to : time >= from || time < to;
}

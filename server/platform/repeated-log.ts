import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";

const silenceMs = 5_000;
const kindsMax = 50;

/**
 * Logs errors of something that fails again and again: each kind (by code or text) at most once in five seconds, with
 * the number of those left out. A store that is away makes thousands a second, all saying the same.
 */
export function makeRepeatedLog(logger: Logger, clock: Clock): (message: string, error: unknown) => void {
  const kinds = new Map<string, { loggedAtMs: number; omitted: number }>();
  return (message, error) => {
    const nowMs = clock.monotonicMs();
    const name = `${message} ${findKind(error)}`;
    const kind = kinds.get(name);
    if (kind !== undefined && nowMs - kind.loggedAtMs < silenceMs) {
      kind.omitted += 1;
      return;
    }
    if (kind === undefined && kinds.size >= kindsMax) kinds.clear();
    kinds.set(name, { loggedAtMs: nowMs, omitted: 0 });
    const told = error instanceof Error ? { reason: error.message || findKind(error) } : { reason: String(error) };
    logger.warn(kind === undefined || kind.omitted === 0 ? told : { ...told, omitted: kind.omitted }, message);
  };
}

function findKind(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // Numbers (ports, pids, ids) do not make another kind.
  return code === "" ? error.message.replace(/\d+/g, "#").slice(0, 100) : code;
}

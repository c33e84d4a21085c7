import { closeSync, openSync } from "node:fs";

/**
 * Calls back for each SIGHUP: `reload` where somebody sent it, `stop` where the terminal that this process was started
 * from is gone, which is told with the same signal.
 *
 * @returns what stops the listening.
 */
export function listenForHangup(reload: () => void, stop: () => void): () => void {
  const hadTerminal = process.stdin.isTTY || process.stdout.isTTY;
  const onSignal = (): void => (hadTerminal && isTerminalGone() ? stop() : reload());
  process.on("SIGHUP", onSignal);
  return () => void process.off("SIGHUP", onSignal);
}

function isTerminalGone(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}

import type { Reporter } from "vitest/node";
import { closeSkipLedger, listSkips, openSkipLedger } from "./skip-ledger.ts";

/** Ends a run with the lanes that were skipped, and why. */
export class SkipReporter implements Reporter {
  onInit(): void {
    openSkipLedger();
  }

  onTestRunEnd(): void {
    const skips = listSkips();
    closeSkipLedger();
    const lines = skips.map(({ lane, reason }) => `  ${lane}: ${reason}`);
    process.on("exit", () => console.log(lines.length === 0 ? "Skipped: nothing." : ["Skipped:", ...lines].join("\n")));
  }
}

import type { Reporter, TestModule } from "vitest/node";
import { closeSkipLedger, listSkips, openSkipLedger } from "./skip-ledger.ts";

/** Ends a run with what its verdict leaves out: lanes that were skipped, and tests that passed on their second try only. */
export class RunReporter implements Reporter {
  onInit(): void {
    openSkipLedger();
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skips = listSkips().map(({ lane, reason }) => `${lane}: ${reason}`);
    closeSkipLedger();
    const lines = [...makeList("Skipped", skips), ...makeList("Passed on the second try", listSecondTries(modules))];
    process.on("exit", () => console.log(lines.join("\n")));
  }
}

function makeList(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [`${title}: nothing.`] : [`${title}:`, ...items.map((item) => `  ${item}`)];
}

/** Each with what failed before. */
function listSecondTries(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests("passed")]
      .filter((test) => test.diagnostic()?.flaky === true)
      .map((test) => {
        const said = test.result().errors?.map(({ message }) => message.split("\n")[0]) ?? [];
        return `${module.relativeModuleId} > ${test.fullName}: ${said.join("; ")}`;
      }),
  );
}

import { spawnSync } from "node:child_process";
import { describe, expect, type TestContext, test } from "vitest";
import { makeCompletionScript, shells } from "../../../scripts/cli/completion-script.ts";
import { makeProgram } from "../../../scripts/cli/program.ts";
import { recordSkip } from "../../support/skip-ledger.ts";

const program = makeProgram({ env: {}, out: () => undefined, error: () => undefined });

describe("makeCompletionScript", () => {
  test.each(shells)("%s: has every command and every long option", (shell) => {
    const script = makeCompletionScript(program, shell);
    let seen = 0;
    for (const command of program.commands.flatMap((top) => [top, ...top.commands])) {
      expect(script).toContain(command.name());
      for (const { long } of command.options) {
        expect(script).toContain(shell === "fish" ? `-l ${long?.slice(2)}` : long);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(40);
  });
});

const isThere: Record<string, boolean> = {};

/** Ends the test where there is no such shell; the run says so at its end. */
function requireShell(shell: string, context: TestContext): void {
  if ((isThere[shell] ??= spawnSync(shell, ["--version"]).status === 0)) return;
  recordSkip(shell, `no ${shell} on PATH`);
  context.skip();
}

const checks = { bash: ["-n", "-s"], zsh: ["-n", "-s"], fish: ["--no-execute", "/dev/stdin"] };

test.for(shells)("%s itself finds no fault in the script", (shell, context) => {
  requireShell(shell, context);
  const checked = spawnSync(shell, checks[shell], { input: makeCompletionScript(program, shell) });
  expect([checked.status, String(checked.stderr)]).toEqual([0, ""]);
});

const lines: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["ke", ["keys"]],
  ["keys ro", ["rotate"]],
  ["keys rotate --f", ["--finish"]],
  ["keys create --type ", ["development", "production", "client"]],
  ["keys create --type de", ["development"]],
  ["keys list --advice un", ["unused"]],
  ["--config-file x.toml keys rev", ["revoke"]],
  ["keys import --from-tensorzero ", []],
  ["config ", ["check", "--help"]],
  ["completion z", ["zsh"]],
  ["nonsense", []],
];

// One bash for all lines: starting one takes longer than the rest.
test("bash completes lines", (context) => {
  requireShell("bash", context);
  const asked = lines.map(([line]) => {
    const words = ["tollgate", ...line.split(" ")].map((word) => `'${word}'`).join(" ");
    return `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tollgate; echo "\${COMPREPLY[*]}"`;
  });
  const run = spawnSync("bash", { input: [makeCompletionScript(program, "bash"), ...asked].join("\n") });
  expect(String(run.stderr)).toBe("");
  const offered = String(run.stdout).split("\n").slice(0, -1);
  expect(offered.map((words, index) => [lines[index]?.[0], words.split(" ").filter(Boolean)])).toEqual(lines);
});

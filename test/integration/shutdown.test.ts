import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { findBuiltProgram } from "../support/built-program.ts";

const child = findBuiltProgram("shutdown-child");

async function startChild(
  way: string,
): Promise<{ process: ChildProcess; lines(): string[]; exit: Promise<unknown[]> }> {
  const started = spawn(process.execPath, [child, way], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  started.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  const lines = (): string[] => text.split("\n").filter(Boolean);
  const exit = once(started, "close");
  await vi.waitFor(() => expect(lines()[0]).toBe("ready draining=false"), { timeout: 10_000, interval: 10 });
  return { process: started, lines, exit };
}

test.each(["SIGTERM", "SIGINT"] as const)("%s: draining first, steps in order, exit 0", async (signal) => {
  const { process: started, lines, exit } = await startChild("clean");
  started.kill(signal);
  expect(await exit).toEqual([0, null]);
  expect(lines().slice(1)).toEqual(["first draining=true", "first ended", "second draining=true"]);
});

test("a step that fails skips no other, and the exit says so", async () => {
  const { process: started, lines, exit } = await startChild("fails");
  started.kill("SIGTERM");
  expect(await exit).toEqual([1, null]);
  expect(lines()).toContain("second draining=true");
});

test("a step that hangs is left at the deadline", async () => {
  const { process: started, lines, exit } = await startChild("hangs");
  const startedAt = performance.now();
  started.kill("SIGTERM");
  expect(await exit).toEqual([1, null]);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(lines()).toContain("second draining=true");
});

test("a second signal ends the process at once; one that comes with the first is the first, heard twice", async () => {
  const { process: started, lines, exit } = await startChild("slow");
  started.kill("SIGTERM");
  await vi.waitFor(() => expect(lines()).toContain("first draining=true"), {
    timeout: 10_000,
    interval: 10,
  });
  started.kill("SIGTERM");
  const again = setInterval(() => started.kill("SIGTERM"), 300);
  expect(await exit).toEqual([143, null]);
  clearInterval(again);
  expect(lines()).not.toContain("second draining=true");
});

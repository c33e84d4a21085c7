import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { findBuiltProgram } from "./built-program.ts";

/** The scripted upstream in a process of its own, whose log survives whatever happens to a gateway. */
export interface UpstreamProcess {
  url: string;
  logFile: string;
  close(): Promise<void>;
}

const entry = findBuiltProgram("scripted-upstream-process");

export async function openUpstreamProcess(logFile: string): Promise<UpstreamProcess> {
  // A log without a call is a log too.
  appendFileSync(logFile, "");
  const child = spawn(process.execPath, [entry, "--log", logFile], {
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the upstream ended with ${code}`)));
  });
  return {
    url,
    logFile,
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

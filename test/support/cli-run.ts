import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../../scripts/cli/program.ts";
import { program } from "./tollgate-process.ts";

export interface CliRun {
  code: number | null;
  out: string;
  error: string;
}

/** Runs the real command line in a process of its own, in `folder`, with nothing of this process's environment but PATH. */
export function runCliProcess(args: readonly string[], folder: string, env: Record<string, string>): Promise<CliRun> {
  return runProgram([program, ...args], folder, env);
}

/** The same in this process, which is many times faster; the folder's config file is named to it. */
export async function runCliHere(
  args: readonly string[],
  folder: string,
  env: Record<string, string>,
): Promise<CliRun> {
  let out = "";
  let error = "";
  const file = join(folder, "tollgate.toml");
  const config = existsSync(file) ? { TOLLGATE_CONFIG: file } : {};
  const code = await runCli(args, {
    env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...config, ...env },
    out: (text) => void (out += text),
    error: (text) => void (error += text),
  });
  return { code, out, error };
}

/** The same in a process for any arguments of Node.js, such as the compiled command line. */
export function runProgram(args: readonly string[], folder: string, env: Record<string, string>): Promise<CliRun> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", TOLLGATE_DATA_DIR: join(folder, "data"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let out = "";
    let error = "";
    child.stdout.on("data", (chunk) => void (out += String(chunk)));
    child.stderr.on("data", (chunk) => void (error += String(chunk)));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, error }));
  });
}

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Target } from "../subjects/subject.ts";

const script = fileURLToPath(new URL("post.lua", import.meta.url));
const run = promisify(execFile);

export interface WrkSettings {
  readonly connections: number;
  readonly seconds: number;
  /** One gateway key per line; the requests carry them in turn. */
  readonly keysFile?: string;
}

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Saturates a target with wrk, one thread. Throws when a single answer was not 2xx or a connection failed. */
export async function runWrk(target: Target, settings: WrkSettings): Promise<WrkResult> {
  const { stdout } = await run(
    "wrk",
    [
      ...[
        "-t",
        "1",
        "-c",
        String(settings.connections),
        "-d",
        `${settings.seconds}s`,
        "--timeout",
        "10s",
        "-s",
        script,
      ],
      `http://127.0.0.1:${target.port}${target.path}`,
    ],
    {
      env: {
        ...process.env,
        BENCH_BODY: target.body,
        BENCH_HEADERS: Object.entries(target.headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join("\n"),
        ...(settings.keysFile === undefined ? {} : { BENCH_KEYS_FILE: settings.keysFile }),
      },
    },
  );
  return parseWrkResult(stdout);
}

export function parseWrkResult(output: string): WrkResult {
  const json = /^BENCH (\{.*\})$/m.exec(output)?.[1];
  if (json === undefined) throw new Error(`wrk reported nothing:\n${output}`);
  const numbers = JSON.parse(json) as Record<string, number>;
  const get = (name: string): number => {
    const value = numbers[name];
    if (value === undefined) throw new Error(`wrk's report has no ${name}: ${json}`);
    return value;
  };
  const errors = ["connectErrors", "readErrors", "writeErrors", "statusErrors", "timeouts"].filter(
    (name) => get(name) > 0,
  );
  if (errors.length > 0) throw new Error(`wrk saw errors, the run does not count: ${json}`);
  if (get("requests") === 0) throw new Error("wrk completed no request");
  return {
    requests: get("requests"),
    requestsPerSecond: (get("requests") * 1e6) / get("microseconds"),
    p50Ms: get("p50Us") / 1_000,
    p99Ms: get("p99Us") / 1_000,
  };
}

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { findPortkeyVersion } from "./subjects/portkey.ts";

/** What a figure depends on. No names of hosts or users. */
export function listMachineFacts(): [string, string][] {
  const cores = cpus();
  return [
    ["CPU", `${cores[0]?.model ?? "unknown"}, ${cores.length} cores`],
    ["memory", `${Math.round(totalmem() / 2 ** 30)} GB`],
    ["kernel", release().split("-")[0] ?? "unknown"],
    ["Node", process.version],
    ["undici", installedVersion("undici")],
    ["nginx", firstLine("nginx", ["-v"]).replace("nginx version: nginx/", "")],
    ["wrk", firstLine("wrk", ["-v"]).split(" ")[1] ?? "unknown"],
    ["@portkey-ai/gateway", findPortkeyVersion() ?? "not installed"],
    ["Tollgate", ownVersion()],
  ];
}

/** Tools that the bench cannot do without; throws one error that names all that are missing. */
export function checkTools(): void {
  const packages: Record<string, string> = { wrk: "wrk", nginx: "nginx-light", taskset: "util-linux" };
  const missing = Object.keys(packages).filter((tool) => firstLine(tool, ["-v"]) === "");
  if (missing.length > 0) {
    const names = missing.map((tool) => packages[tool]).join(" ");
    throw new Error(
      `missing: ${missing.join(", ")}. On Debian and Ubuntu: apt-get install --no-install-recommends ${names}`,
    );
  }
  if (process.platform !== "linux") throw new Error("the bench reads /proc and pins processes: it needs Linux");
}

/** The hard limit of open files; each stream needs two in a proxy. */
export function getOpenFilesMax(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return limit === undefined || limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}

/** The first line of what a tool prints about itself; some print it on standard error and fail. Empty when missing. */
function firstLine(command: string, args: readonly string[]): string {
  try {
    return execFileSync(
      "sh",
      ["-c", `command -v ${command} >/dev/null && { ${command} ${args.join(" ")} 2>&1 || true; }`],
      {
        encoding: "utf8",
      },
    ).split("\n")[0] as string;
  } catch {
    return "";
  }
}

function installedVersion(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  try {
    return `${version} (${execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", cwd: import.meta.dirname }).trim()})`;
  } catch {
    return version;
  }
}

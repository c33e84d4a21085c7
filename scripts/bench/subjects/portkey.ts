import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { openChild } from "../processes/child.ts";
import { isListening } from "../processes/listening.ts";
import { chatRequest } from "../upstream/chat.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Subject } from "./subject.ts";

const rivalsFolder = fileURLToPath(new URL("../rivals/", import.meta.url));
const program = join(rivalsFolder, "node_modules/@portkey-ai/gateway/build/start-server.js");

/** Starts Portkey's open-source gateway, installed from our lock file on first use. */
export async function openPortkey(upstream: Upstream, subjectCores: string, folder: string): Promise<Subject> {
  installRivals();
  const port = await findFreePort(null);
  const child = await openChild({
    name: "portkey",
    command: process.execPath,
    args: [program, `--port=${port}`, "--headless"],
    cores: subjectCores,
    outputFile: join(folder, "portkey.log"),
    env: { NODE_ENV: "production" },
    isReady: () => isListening(port),
  });
  return {
    name: "portkey",
    setup:
      "@portkey-ai/gateway as `node start-server.js --headless`, provider and host by header; no keys, no limits, no metering. " +
      "@hono/node-server held at 1.14.0: with a later one every stream answers 500 (Portkey-AI/gateway issue 1389). " +
      "Before the first event of a stream it waits 25 ms by design",
    target: (kind) => ({
      port,
      path: "/v1/chat/completions",
      headers: {
        "content-type": "application/json",
        authorization: "Bearer unused",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": `http://127.0.0.1:${upstream.ports[kind]}/v1`,
      },
      body: chatRequest("bench", kind !== "json"),
    }),
    pids: () => [child.pid],
    otherPids: () => [],
    close: child.close,
  };
}

/** The version that is installed, or undefined before the first run. */
export function findPortkeyVersion(): string | undefined {
  const file = join(rivalsFolder, "node_modules/@portkey-ai/gateway/package.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function installRivals(): void {
  const installed = join(rivalsFolder, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(rivalsFolder, "package-lock.json")).mtimeMs)
    return;
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: rivalsFolder, stdio: "inherit" });
}

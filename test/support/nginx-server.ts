import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../server/platform/embedded-postgres/free-port.ts";
import { findOnPath } from "./find-on-path.ts";
import { waitUntil } from "./wait-until.ts";

/** A real nginx of a test's own. */
export interface NginxServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Whether the tests that need nginx can run here. */
export function hasNginx(): boolean {
  return findOnPath("nginx") !== null;
}

/**
 * Starts nginx as one process.
 *
 * @param blocks what stands in its `http` block, and in the `server` block beside `listen`.
 */
export async function openNginx(blocks: { http: string; server: string }): Promise<NginxServer> {
  const program = findOnPath("nginx");
  if (program === null) throw new Error("there is no nginx; ask hasNginx first");
  const port = await findFreePort(null);
  const folder = mkdtempSync(join(tmpdir(), "tollgate-nginx-"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const config = `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.join("\n  ")}
  ${blocks.http}
  server {
    listen 127.0.0.1:${port};
    ${blocks.server}
  }
}
`;
  writeFileSync(join(folder, "nginx.conf"), config);
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  // A test run that is killed must not leave it behind.
  const endWithRun = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithRun);
  child.once("exit", () => process.off("exit", endWithRun));
  await waitUntil(async () => child.exitCode !== null || (await isListening(port)), "nginx listens", 20_000);
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${said}`);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

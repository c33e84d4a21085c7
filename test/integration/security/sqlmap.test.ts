import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findOnPath } from "../../support/find-on-path.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { recordSkip } from "../../support/skip-ledger.ts";

/** BARS.md C1: sqlmap on ten places of the API. Ten minutes, hence in the full tier only, and nowhere installed for it. */

interface Target {
  name: string;
  method: "GET" | "POST" | "PATCH";
  /** With `*` where the payload goes, unless it goes into `parameter`. */
  path: string;
  parameter?: string;
  data?: object;
  header?: string;
}

const chat = { model: "echo::any", messages: [{ role: "user", content: "hi" }] };
const targets: readonly Target[] = [
  { name: "a search for keys", method: "GET", path: "/admin/api-keys?limit=5&q=key", parameter: "q" },
  { name: "the cursor of keys", method: "GET", path: "/admin/api-keys?limit=5&cursor=abc", parameter: "cursor" },
  { name: "a tag of keys", method: "GET", path: "/admin/api-keys?tag%5Bteam%5D=a*" },
  { name: "the id of a key", method: "GET", path: "/admin/api-keys/zzzzzzzzzzzz*" },
  { name: "groups of usage", method: "GET", path: "/admin/usage?group_by=tag%3Ateam*" },
  { name: "the zone of usage", method: "GET", path: "/admin/usage?grain=day&timezone=UTC", parameter: "timezone" },
  { name: "the actor of the audit log", method: "GET", path: "/admin/audit?actor=cli", parameter: "actor" },
  { name: "an alias", method: "POST", path: "/admin/api-keys", parameter: "alias", data: { alias: "one", name: "a" } },
  { name: "a model", method: "POST", path: "/v1/chat/completions", parameter: "model", data: chat },
  {
    name: "tags of a request",
    method: "POST",
    path: "/v1/chat/completions",
    data: chat,
    header: "x-tollgate-tags: team=a*",
  },
];
const eachMs = 60_000;

const program = process.env.TEST_TIER === "full" ? findOnPath("sqlmap") : null;
if (program === null) recordSkip("sqlmap", process.env.TEST_TIER === "full" ? "no sqlmap on PATH" : "in the full tier");

let gateway: GatewayProcess;
let folder: string;
beforeAll(async () => {
  gateway = await openGatewayProcess({ keepOutput: false });
  folder = mkdtempSync(join(tmpdir(), "tollgate-sqlmap-"));
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What sqlmap said of a target within its time. */
async function runSqlmap(sqlmap: string, url: string, target: Target, key: string): Promise<string> {
  const headers = [`Authorization: Bearer ${key}`, ...(target.header === undefined ? [] : [target.header])];
  const { stdout } = await promisify(execFile)(
    "timeout",
    [
      // 124 is no failure: what it has found by then is in its output.
      ...["--preserve-status", "--signal=INT", String(eachMs / 1_000), sqlmap, "-u", url + target.path],
      ...["--method", target.method, "--headers", headers.join("\\n")],
      ...(target.data === undefined ? [] : ["--data", JSON.stringify(target.data)]),
      ...(target.parameter === undefined ? [] : ["-p", target.parameter]),
      ...["--batch", "--level", "5", "--risk", "3", "--dbms", "PostgreSQL", "--flush-session", "--disable-coloring"],
      ...["--ignore-code", "*", "--output-dir", folder],
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  ).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? "" }));
  return stdout;
}

const isInjectable = (output: string): boolean => /identified the following injection point/.test(output);
const isDone = (output: string): boolean => /all tested parameters do not appear to be injectable/.test(output);

test("there are ten places, and each call is one that the gateway takes", async () => {
  expect(targets).toHaveLength(10);
  for (const { name, method, path, data } of targets) {
    const answer = await gateway.call(method, path.replace("*", ""), gateway.adminKey, data);
    await answer.arrayBuffer();
    // An id that nobody has, and a cursor that we did not make.
    expect([name, answer.status]).toEqual([name, expect.toSatisfy((status) => [200, 201, 404, 422].includes(status))]);
  }
});

/** A server that writes a text into its statement. */
async function openPlantedServer(): Promise<{ url: string; close(): void }> {
  const { sql } = gateway.database.database;
  const server = createServer((request, response) => {
    const id = new URL(request.url ?? "/", "http://localhost").searchParams.get("id") ?? "";
    sql
      .unsafe(`select public_id from api_key where alias = '${id}'`)
      .then((rows) => response.end(JSON.stringify(rows)))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const programs = program === null ? [] : [program];

describe.each(programs)("%s", (sqlmap) => {
  test.each(targets)(
    "$name: nothing is found",
    async (target) => {
      const output = await runSqlmap(sqlmap, gateway.url, target, gateway.adminKey);
      console.info(`C1: ${target.name}: ${isDone(output) ? "all of level 5" : "as far as it came in its time"}`);
      expect(output).toContain("testing");
      expect(isInjectable(output)).toBe(false);
    },
    2 * eachMs,
  );

  test(
    "finds a statement that a text is written into",
    async () => {
      expectPostgresLog(/./);
      const server = await openPlantedServer();
      const planted: Target = { name: "planted", method: "GET", path: "/?id=a", parameter: "id" };
      const output = await runSqlmap(sqlmap, server.url, planted, "none");
      server.close();
      expect(isInjectable(output)).toBe(true);
    },
    2 * eachMs,
  );
});

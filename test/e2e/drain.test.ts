import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "../../db/client.ts";
import { compareLedger, formatVerdict, listLedgerRows, loadUpstreamLog } from "../support/ledger-oracle.ts";
import { openTestDatabase } from "../support/test-database.ts";
import { makeModelConfig } from "../support/test-gateway.ts";
import { endInstallations, findStatus, makeHome, makeSecretEnv, openTollgate } from "../support/tollgate-process.ts";
import { openUpstreamProcess } from "../support/upstream-process.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endInstallations);

const streams = 20;

/** A connection that says nothing, as browsers and load balancers keep for later; `null` where nobody listens. */
function openSilent(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.on("error", () => resolve(null));
  });
}

test("SIGTERM: readiness fails first, streams end whole, nobody new comes in, every event is stored, exit 0", async () => {
  const stored = await openTestDatabase();
  const home = makeHome();
  const logFile = join(home, "upstream.log");
  const upstream = await openUpstreamProcess(logFile);
  const gateway = await openTollgate({
    home: makeHome(makeModelConfig(upstream.url, "slow", 'model_name = "up+first-100+rate-20+tokens-60"')),
    // The database outlives the gateway, so that the ledger can be read when it is gone.
    env: { ...makeSecretEnv(randomBytes), DATABASE_URL: stored.url, TOLLGATE_ROLE: "all" },
  });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");

  const begun: Promise<{ text: string; requestId: string }>[] = [];
  let firstBytes = 0;
  for (let index = 0; index < streams; index++) {
    begun.push(
      (async () => {
        const response = await gateway.call("POST", "/v1/chat/completions", gateway.adminKey(), {
          model: "slow",
          stream: true,
          messages: [{ role: "user", content: `stream ${index}` }],
        });
        expect(response.status).toBe(200);
        firstBytes++;
        return { text: await response.text(), requestId: response.headers.get("x-request-id") ?? "" };
      })(),
    );
  }
  await waitUntil(() => firstBytes === streams, "all streams run");

  const stopped = gateway.stop("SIGTERM");
  const sentMs = performance.now();
  const seen: number[] = [];
  const silent: Socket[] = [];
  await waitUntil(async () => {
    const socket = await openSilent(gateway.port);
    if (socket !== null) silent.push(socket);
    seen.push(await findStatus(`${gateway.url}/readyz`));
    return seen.at(-1) === 0;
  }, "the port is closed");
  const closedMs = performance.now() - sentMs;
  // A load balancer sees it fail while it still can connect.
  const phases = seen.filter((status, index) => status !== seen[index - 1]);
  expect(phases.slice(-2)).toEqual([503, 0]);
  expect(phases.slice(0, -2).filter((status) => status !== 200)).toEqual([]);
  expect(silent.length).toBeGreaterThan(0);
  expect(await openSilent(gateway.port)).toBeNull();
  expect(gateway.isRunning()).toBe(true);

  const answers = await Promise.all(begun);
  for (const { text } of answers) {
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(text.match(/"delta":\{"content":/g)?.length).toBeGreaterThanOrEqual(60);
  }
  const lastMs = performance.now() - sentMs;
  const end = await stopped;
  expect(end.code).toBe(0);
  expect(gateway.output()).toContain('"isClean":true');
  // Connections that say nothing are not waited for.
  expect(end.afterMs - lastMs).toBeLessThan(3_000);
  await waitUntil(() => gateway.listProcesses().length === 0, "nothing is left running", 1_000);

  const database = openDatabase({ url: stored.url, applicationName: "oracle" });
  const rows = await listLedgerRows(database.sql);
  const verdict = compareLedger(loadUpstreamLog(logFile), rows);
  console.info(
    `${formatVerdict(verdict)}; ms after SIGTERM: ` +
      `port closed ${Math.round(closedMs)}, last stream whole ${Math.round(lastMs)}, ended ${Math.round(end.afterMs)}`,
  );
  expect(verdict).toMatchObject({
    dispatched: streams,
    rows: streams,
    missing: [],
    duplicate: [],
    wrong: [],
    reserved: 0,
    estimated: 0,
  });
  expect(rows.map((row) => row.id).sort()).toEqual(answers.map((answer) => answer.requestId).sort());
  await database.close();
  await upstream.close();
  await stored.close();
});

test("a second Ctrl-C ends everything at once, and the next start charges what was open", async () => {
  const home = makeHome();
  const logFile = join(home, "upstream.log");
  const upstream = await openUpstreamProcess(logFile);
  const stored = await openTestDatabase();
  const env = { ...makeSecretEnv(randomBytes), DATABASE_URL: stored.url, TOLLGATE_ROLE: "gateway" };
  const installation = makeHome(makeModelConfig(upstream.url, "slow", 'model_name = "up+rate-5+tokens-100"'));
  const gateway = await openTollgate({ home: installation, env });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");
  const response = await gateway.call("POST", "/v1/chat/completions", gateway.adminKey(), {
    model: "slow",
    stream: true,
    messages: [{ role: "user", content: "long" }],
  });
  const cut = response.text().then(
    () => "whole",
    () => "cut",
  );
  process.kill(gateway.pid, "SIGINT");
  await waitUntil(async () => (await findStatus(`${gateway.url}/readyz`)) === 0, "it stops");
  // Within a quarter of a second a second signal counts as the first one, heard twice.
  await new Promise((resolve) => setTimeout(resolve, 300));
  process.kill(gateway.pid, "SIGINT");
  expect(await gateway.ended).toEqual({ code: 130, signal: null });
  expect(await cut).toBe("cut");

  const again = await openTollgate({ home: installation, env });
  await again.ready();
  const database = openDatabase({ url: stored.url, applicationName: "oracle" });
  const verdict = compareLedger(loadUpstreamLog(logFile), await listLedgerRows(database.sql));
  expect(verdict).toMatchObject({ dispatched: 1, rows: 1, missing: [], duplicate: [], wrong: [], reserved: 1 });
  expect(await again.stop()).toMatchObject({ code: 0 });
  await database.close();
  await upstream.close();
  await stored.close();
});

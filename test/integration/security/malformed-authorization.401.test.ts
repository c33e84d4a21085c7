import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess, type ProcessMeasures } from "../../support/gateway-process.ts";
import { listMalformedRequests } from "../../support/malformed-authorization.ts";
import { sendPipelined } from "../../support/raw-http.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { ofItself } from "../../support/statement-tap.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md A1. */
const count = process.env.TEST_TIER === "full" ? 1_000_000 : 100_000;
const limits = { growthBytes: 30 * 1024 * 1024, loopDelayP999Ms: 50 };

interface Outcome {
  answered: number;
  unanswered: number;
  statuses: Record<string, number>;
  /** By kind of request and status, for the eye. */
  kinds: Record<string, Record<string, number>>;
  statements: string[];
}

async function sendMalformed(
  port: number,
  statements: readonly string[],
  seed: number,
  total: number,
): Promise<Outcome> {
  const outcome: Outcome = { answered: 0, unanswered: 0, statuses: {}, kinds: {}, statements: [] };
  const before = statements.length;
  const startedAtMs = performance.now();
  await sendPipelined(port, listMalformedRequests(makeSeededRandom(seed), total), ({ kind }, answer) => {
    if (answer === null) outcome.unanswered++;
    else outcome.answered++;
    const status = String(answer?.status ?? "none");
    outcome.statuses[status] = (outcome.statuses[status] ?? 0) + 1;
    const row = (outcome.kinds[kind] ??= {});
    row[status] = (row[status] ?? 0) + 1;
  });
  // The heartbeat of the key channel goes on, whoever asks.
  const asked = statements.slice(before);
  outcome.statements = asked.filter((text) => !ofItself.test(text));
  // Sums of refusals are written by the clock, twice a second: more of them would be written for who asks.
  const sums = asked.filter((text) => text.includes("insert into usage_refusal"));
  if (sums.length > (performance.now() - startedAtMs) / 250 + 2) outcome.statements.push(...sums);
  return outcome;
}

/** What the bar forbids, each as one word. */
function findFaults(outcome: Outcome): string[] {
  const faults: string[] = [];
  if (outcome.answered === 0) faults.push("nothing ran");
  if (outcome.unanswered > 0) faults.push("unanswered");
  // 431: a head over Node's 16 KB.
  if (Object.keys(outcome.statuses).some((status) => !["400", "401", "431", "none"].includes(status)))
    faults.push("status");
  if (outcome.statements.length > 0) faults.push("query");
  return faults;
}

function findProcessFaults(before: ProcessMeasures, after: ProcessMeasures): string[] {
  const faults: string[] = [];
  if (after.rssBytes - before.rssBytes > limits.growthBytes) faults.push("memory");
  if (after.loopDelayP999Ms > limits.loopDelayP999Ms) faults.push("loop");
  return faults;
}

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess({ keepOutput: false });
});
afterAll(() => gateway.close());

test(
  `${count} malformed Authorization values: refused without a crash, a 5xx, a query, memory or delay`,
  async () => {
    const { seed } = makeSeededRandom();
    const key = await gateway.makeKey();
    const good = { model: "echo::hello", messages: [{ role: "user", content: "Hello" }] };
    expect((await gateway.call("POST", "/v1/chat/completions", key.text, good)).status).toBe(200);
    // By the first, code is compiled, pools are filled, and the room that V8 gives to new objects comes to its full size
    // (64 MB, in steps); the rest may not grow.
    await sendMalformed(gateway.port, gateway.tap.statements, seed + 1, 30_000);
    await gateway.call("GET", "/v1/models", key.text);
    const written = (text: string) => gateway.tap.statements.some((statement) => statement.includes(text));
    await waitUntil(
      () => written("update api_key k set last_used_at") && written("usage_event"),
      "the good call's writes",
    );
    const before = await gateway.reset();
    const outcome = await sendMalformed(gateway.port, gateway.tap.statements, seed, count);
    const during = await gateway.measure();
    const after = { ...during, rssBytes: (await gateway.reset(), await gateway.measure()).rssBytes };
    // Other programs take the processor's time too: a delay that is the gateway's own comes back each time.
    for (let round = 0; round < 3 && after.loopDelayP999Ms > limits.loopDelayP999Ms; round++) {
      await gateway.reset();
      await sendMalformed(gateway.port, gateway.tap.statements, seed, 20_000);
      after.loopDelayP999Ms = (await gateway.measure()).loopDelayP999Ms;
    }
    console.info(
      `A1 seed ${seed}: ${outcome.answered} answered ${JSON.stringify(outcome.statuses)}, ${outcome.statements.length} queries,` +
        ` RSS +${((after.rssBytes - before.rssBytes) / 1048576).toFixed(1)} MiB, loop p99.9 ${after.loopDelayP999Ms.toFixed(1)} ms`,
    );
    expect(outcome.answered).toBe(count);
    expect({ faults: findFaults(outcome), statements: outcome.statements.slice(0, 3), kinds: outcome.kinds }).toEqual({
      faults: [],
      statements: [],
      kinds: outcome.kinds,
    });
    expect(findProcessFaults(before, after)).toEqual([]);
    expect(gateway.isRunning()).toBe(true);
    // Each kind reached the gateway itself, not only Node's parser.
    const { control: _control, ...others } = outcome.kinds;
    expect(Object.entries(others).filter(([, row]) => row["401"] === undefined && row["400"] === undefined)).toEqual(
      [],
    );
    expect((await gateway.call("POST", "/v1/chat/completions", key.text, good)).status).toBe(200);
  },
  process.env.TEST_TIER === "full" ? 600_000 : 120_000,
);

test("the check sees a server that asks the database, one that fails, one that goes silent", async () => {
  const sql = postgres(gateway.tap.url, { max: 1, onnotice: () => undefined });
  const server = createServer((request, response) => {
    const value = request.headers.authorization ?? "";
    const answer = (status: number): void => void response.writeHead(status).end();
    if (value.includes("UNION"))
      sql`select ${value}`.then(
        () => answer(401),
        () => answer(500),
      );
    else if (value.includes("__proto__")) answer(500);
    else if (value.includes("jndi")) request.socket.destroy();
    else answer(401);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const outcome = await sendMalformed((server.address() as AddressInfo).port, gateway.tap.statements, 7, 3_000);
    expect(findFaults(outcome)).toEqual(["unanswered", "status", "query"]);
    expect(outcome.answered).toBeGreaterThan(2_000);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await sql.end({ timeout: 1 });
  }
  const calm: ProcessMeasures = {
    rssBytes: 100e6,
    cpuMs: 0,
    loopDelayP999Ms: 2,
    loopDelayMaxMs: 9,
    prototypeNames: [],
  };
  expect(findProcessFaults(calm, { ...calm, rssBytes: 140e6, loopDelayP999Ms: 51 })).toEqual(["memory", "loop"]);
});

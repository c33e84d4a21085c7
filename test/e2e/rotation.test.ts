import { afterEach, expect, test } from "vitest";
import { endClusters, openCluster } from "../support/cluster.ts";
import type { TollgateProcess } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

/** BARS.md D5, with the clocks of F13. */
const callsPerSecond = 200;
const minuteMs = 60_000;
/** The database's clock is this machine's; no gateway may decide by its own. */
const clocks = [5 * minuteMs, 0, -5 * minuteMs].map((skewMs) => ({ skewMs, jumpMs: -60 * minuteMs }));
const refusedWithinMs = 1_000;
const overlapSeconds = 6;

afterEach(endClusters);

interface Call {
  secret: "old" | "new";
  /** Milliseconds since 1970; the database runs on this machine. */
  sentMs: number;
  answeredMs: number;
  status: number;
  code: string;
}

/** A gateway knows the database's time to within half a round trip, which takes a while on a machine that is busy. */
const clockErrorMs = 100;

/** What the bar forbids, counted. */
function findFaults(calls: readonly Call[], endsMs: number) {
  const old = calls.filter((call) => call.secret === "old");
  return {
    newRefused: calls.filter((call) => call.secret === "new" && call.status !== 200).length,
    oldRefusedEarly: old.filter((call) => call.answeredMs < endsMs - clockErrorMs && call.status !== 200).length,
    oldAcceptedLate: old.filter((call) => call.sentMs > endsMs + refusedWithinMs && call.status === 200).length,
    otherwise: old.filter((call) => call.status !== 200 && call.code !== "expired_api_key").length,
  };
}

async function send(gateway: TollgateProcess, secret: Call["secret"], key: string): Promise<Call> {
  const sentMs = Date.now();
  const body = { model: "quick", messages: [{ role: "user", content: "who am I?" }] };
  try {
    const response = await gateway.call("POST", "/v1/chat/completions", key, body);
    const answer = (await response.json()) as { error?: { code: string } };
    return { secret, sentMs, answeredMs: Date.now(), status: response.status, code: answer.error?.code ?? "" };
  } catch (error) {
    return { secret, sentMs, answeredMs: Date.now(), status: 0, code: String(error) };
  }
}

/** Sends calls at the rate of the bar, by turns to each gateway and with each key, whether or not they are answered. */
function openLoad(gateways: readonly TollgateProcess[], keys: { old: string; new: string | null }) {
  const calls: Promise<Call>[] = [];
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1_000) * callsPerSecond;
    while (calls.length < due) {
      const gateway = gateways[calls.length % gateways.length] as TollgateProcess;
      const isNew = keys.new !== null && Math.floor(calls.length / gateways.length) % 2 === 0;
      calls.push(send(gateway, isNew ? "new" : "old", isNew ? (keys.new ?? "") : keys.old));
    }
  }, 5);
  return {
    get count() {
      return calls.length;
    },
    async stop(): Promise<Call[]> {
      clearInterval(timer);
      return await Promise.all(calls);
    },
  };
}

test(`rotation with overlap under ${callsPerSecond} calls a second on three gateways with wrong clocks: nothing fails, the old secret ends on time`, async () => {
  const cluster = await openCluster({ workers: 0, clocks });
  const gateways = cluster.gateways.map((gateway) => gateway.process);
  const adminKey = await cluster.makeKey({ permissions: ["*"] });
  const admin = async (method: string, path: string, body?: unknown) => {
    const [near] = gateways as [TollgateProcess];
    const response = await near.call(method, `/admin/api-keys${path}`, adminKey.text, body);
    expect(response.status).toBeLessThan(300);
    return (await response.json()) as {
      api_key: string;
      public_id: string;
      usage: { day: { requests: number } };
      rotation: { old_secret_ends_at: string; old_secret_last_used_at: string | null } | null;
    };
  };

  const made = await admin("POST", "", { name: "turned", rate_limits: {}, budgets: [] });
  const keys: { old: string; new: string | null } = { old: made.api_key, new: null };
  const load = openLoad(gateways, keys);
  await waitUntil(() => load.count > 2 * callsPerSecond, "two seconds with the old secret alone", 30_000);
  const rotated = await admin("POST", `/${made.public_id}/rotate`, { overlap: `${overlapSeconds}s` });
  keys.new = rotated.api_key;
  const endsMs = Date.parse(rotated.rotation?.old_secret_ends_at ?? "");
  // And one goes back by an hour in the middle of it.
  cluster.gateways[0]?.jumpClock();
  expect(endsMs).toBeGreaterThan(Date.now());
  await waitUntil(
    async () => (await admin("GET", `/${made.public_id}`)).rotation?.old_secret_last_used_at !== null,
    "the use of the old secret is shown",
    overlapSeconds * 1_000,
  );
  await waitUntil(() => Date.now() > endsMs + 2 * refusedWithinMs, "the overlap is over", 30_000);
  const calls = await load.stop();

  const count = (secret: Call["secret"], status: number) =>
    calls.filter((call) => call.secret === secret && call.status === status).length;
  const lastMs = Math.max(
    ...calls.filter((call) => call.secret === "old" && call.status === 200).map((call) => call.sentMs),
  );
  console.info(
    `${calls.length} calls: ${count("old", 200)} with the old secret, ${count("new", 200)} with the new one, ` +
      `${count("old", 401)} refused with the old one, which was last let through ${lastMs - endsMs} ms after its end`,
  );
  expect(findFaults(calls, endsMs)).toEqual({ newRefused: 0, oldRefusedEarly: 0, oldAcceptedLate: 0, otherwise: 0 });
  for (const [secret, status] of [
    ["old", 200],
    ["new", 200],
    ["old", 401],
  ] as const) {
    expect(count(secret, status)).toBeGreaterThan(callsPerSecond / 2);
  }
  expect((await admin("GET", `/${made.public_id}`)).rotation).toBeNull();

  // One key all along: its use goes on where it was.
  const accepted = count("old", 200) + count("new", 200);
  await waitUntil(
    async () => (await admin("GET", `/${made.public_id}`)).usage.day.requests === accepted,
    `${accepted} requests in the usage of the key`,
    20_000,
  );
  const { verdict } = await cluster.close();
  expect(verdict).toMatchObject({ dispatched: accepted, rows: accepted, reserved: 0, estimated: 0 });
});

test("the check is caught out by a call that fails, ends early, or is let through late", () => {
  const at = (secret: Call["secret"], sentMs: number, status: number, code = ""): Call => {
    return { secret, sentMs, answeredMs: sentMs + 5, status, code };
  };
  const endsMs = 10_000;
  const good = [at("old", 9_000, 200), at("old", 10_500, 200), at("old", 11_100, 401, "expired_api_key")];
  const none = { newRefused: 0, oldRefusedEarly: 0, oldAcceptedLate: 0, otherwise: 0 };
  expect(findFaults([...good, at("new", 12_000, 200)], endsMs)).toEqual(none);
  expect(findFaults([at("new", 9_000, 503)], endsMs)).toEqual({ ...none, newRefused: 1 });
  expect(findFaults([at("old", 9_000, 401, "expired_api_key")], endsMs)).toEqual({ ...none, oldRefusedEarly: 1 });
  expect(findFaults([at("old", 11_001, 200)], endsMs)).toEqual({ ...none, oldAcceptedLate: 1 });
  expect(findFaults([at("old", 12_000, 503, "store_unavailable")], endsMs)).toEqual({ ...none, otherwise: 1 });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBrowserInstalled, openBrowserPage } from "../support/browser-page.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { findRedisLane, openRedisServer, type RedisServer } from "../support/redis-server.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { openUsersGateway, signUp, testPassword } from "../support/users-harness.ts";
import { waitUntil } from "../support/wait-until.ts";
import { makeTestJob, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

const backends = findRedisLane() ? (["postgres", "redis"] as const) : (["postgres"] as const);

interface ShownQueue {
  name: string;
  readOnlyMode: boolean;
  counts: Record<string, number>;
  jobs: { id: string; name: string; returnValue: unknown; failedReason: string }[];
}

describe.each(backends)("/admin/queues with the queues in %s", (backend) => {
  let redis: RedisServer | null = null;
  let gateway: GatewayProcess;
  let worker: WorkerHarness;
  beforeAll(async () => {
    redis = backend === "redis" ? await openRedisServer() : null;
    gateway = await openUsersGateway("", redis === null ? {} : { REDIS_URL: redis.url });
    worker = openWorkerHarness({ databaseUrl: gateway.database.url, redisUrl: redis?.url ?? null }, [
      makeTestJob("test-good", async () => ({ rows: 3 })),
      makeTestJob("test-bad", () => Promise.reject(new Error("<b>the disk</b> is full")), { attemptsMax: 1 }),
    ]);
    await worker.workers.ready;
  });
  afterAll(async () => {
    await worker.stop();
    await gateway.close();
    await redis?.stop();
  });

  async function listQueues(query = ""): Promise<ShownQueue[]> {
    const answer = await gateway.call("GET", `/admin/queues/api/queues${query}`, gateway.adminKey);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { queues: ShownQueue[] }).queues;
  }

  test("shows every queue, and the runs that were", async () => {
    const find = async (status: string): Promise<ShownQueue | undefined> =>
      (await listQueues(`?activeQueue=upkeep&status=${status}&page=1&jobsPerPage=10`)).find(
        ({ name }) => name === "upkeep",
      );
    await waitUntil(async () => (await find("completed"))?.jobs.length !== 0, "a completed run", 30_000);
    await waitUntil(async () => (await find("failed"))?.jobs.length !== 0, "a failed run", 30_000);
    expect((await listQueues()).map(({ name }) => name).sort()).toEqual(["delivery", "upkeep"]);
    const good = (await find("completed"))?.jobs[0];
    expect(good).toMatchObject({ name: "test-good", returnValue: { rows: 3 } });
    expect((await find("failed"))?.jobs[0]).toMatchObject({
      name: "test-bad",
      failedReason: "<b>the disk</b> is full",
    });
    const one = await gateway.call(
      "GET",
      `/admin/queues/api/queues/upkeep/${encodeURIComponent(good?.id ?? "")}`,
      gateway.adminKey,
    );
    expect(one.status).toBe(200);
    const schedulers = await gateway.call("GET", "/admin/queues/api/job-schedulers", gateway.adminKey);
    expect(await schedulers.text()).toContain("test-good");
    expect((await gateway.call("GET", "/admin/queues/api/redis/stats", gateway.adminKey)).status).toBe(200);
  });

  test("changes nothing", async () => {
    for (const [method, path] of [
      ["PUT", "/api/queues/upkeep/pause"],
      ["PUT", "/api/queues/pause"],
      ["PUT", "/api/queues/upkeep/obliterate"],
      ["POST", "/api/queues/upkeep/add"],
      ["PATCH", "/api/queues/upkeep/job-schedulers/test-good"],
    ] as const) {
      const answer = await gateway.call(method, `/admin/queues${path}`, gateway.adminKey, {});
      expect([path, answer.status]).toEqual([path, 403]);
    }
    expect((await listQueues()).every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
  });

  test("is for admins alone", async () => {
    const inference = (await gateway.makeKey({ permissions: ["ai:inference"] })).text;
    const owned = (await gateway.makeKey({ permissions: ["admin:keys"], owner_id: "owner-a" })).text;
    const usage = (await gateway.makeKey({ permissions: ["admin:usage"] })).text;
    for (const path of ["/admin/queues", "/admin/queues/api/queues", "/admin/queues/static/images/logo.svg"]) {
      expect((await gateway.call("GET", path, null)).status).toBe(401);
      for (const key of [inference, owned, usage]) expect((await gateway.call("GET", path, key)).status).toBe(403);
    }
    const member = await signUp(gateway.url);
    expect((await member.send("GET", "/admin/queues")).status).toBe(403);
  });

  test("is a page of this host alone, with no script and no style in it", async () => {
    const answer = await gateway.call("GET", "/admin/queues", gateway.adminKey);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self';style-src 'self' 'sha256-");
    expect(policy).not.toMatch(/unsafe|https?:|\* /);
    const page = await answer.text();
    expect(page).not.toMatch(/https?:\/\/|<style|\sstyle=|\son[a-z]+=/);
    const scripts = [...page.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)];
    expect(scripts.filter(([, head, text]) => text !== "" && !head?.includes("application/json"))).toEqual([]);
    expect(page).toContain('<base href="/admin/queues/"');
  });

  test("works in Chromium for an admin who is signed in, without a complaint", async (context) => {
    if (!isBrowserInstalled()) {
      recordSkip("browser", "chromium is not on PATH");
      return context.skip();
    }
    const email = `admin-${backend}@example.com`;
    const body = { email, role: "admin", password: testPassword };
    expect((await gateway.call("POST", "/admin/users", gateway.adminKey, body)).status).toBe(201);
    const browser = await openBrowserPage(`${gateway.url}/admin/docs`);
    try {
      await waitUntil(
        async () => String(await browser.evaluate("document.title")).includes("admin API"),
        "a page",
        30_000,
      );
      const credentials = JSON.stringify(JSON.stringify({ email, password: testPassword }));
      const status = await browser.evaluate(`fetch("/api/auth/sign-in/email", { method: "POST",
        headers: { "content-type": "application/json" }, body: ${credentials} }).then((answer) => answer.status)`);
      expect(status).toBe(200);
      browser.complaints.length = 0;
      browser.requests.length = 0;
      await browser.evaluate('location.href = "/admin/queues"');
      const text = "document.body?.innerText ?? ''";
      await waitUntil(
        // While it goes from one page to the other there is nothing to ask.
        async () => /upkeep/i.test(String(await browser.evaluate(text).catch(() => ""))),
        "the queues on the page",
        30_000,
      );
      expect(browser.requests.filter((url) => !url.startsWith(gateway.url) && !url.startsWith("data:"))).toEqual([]);
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

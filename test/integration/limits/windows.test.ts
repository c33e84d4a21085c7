import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCaller } from "../../../server/admin/router.ts";
import { isRefusal } from "../../../server/keys/authenticate.ts";
import { fastFlush } from "../../support/event-of.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
let admin: ReturnType<typeof makeCaller>;
const sql = () => gateway.database.database.sql;
beforeAll(async () => {
  gateway = await openTestGateway({ config: fastFlush });
  const { config, clock, logger, database } = gateway.context;
  const origin = { ip: "", requestId: "" };
  admin = makeCaller({ caller: { kind: "system" }, origin, database, clock, config, logger, randomBytes });
});
afterAll(() => gateway.close());

const body = { model: "echo::a", messages: [{ role: "user", content: "12345678" }], max_tokens: 64 };
const call = async (key: string) => (await gateway.call("/v1/chat/completions", body, key)).status;

async function spendAll(key: string): Promise<void> {
  for (let calls = 0; (await call(key)) === 200; calls++) expect(calls).toBeLessThan(1_000);
}

/** How long it takes until a key that was refused is let in. */
async function findHelpMs(key: string, help: () => Promise<unknown>): Promise<number> {
  expect(await call(key)).toBe(429);
  const startedMs = performance.now();
  await help();
  await waitUntil(async () => (await call(key)) === 200, "it is let in", 5_000);
  return performance.now() - startedMs;
}

describe("a budget that is used up", () => {
  const limit = 500_000n;

  it("is topped up for its period, and who was refused is let in within a second", async () => {
    const { text, publicId } = await gateway.makeKey({ budgets: [{ limitNanoUsd: limit, period: "day" }] });
    await spendAll(text);
    const tookMs = await findHelpMs(text, () => admin.limits.topUp({ public_id: publicId, amount_usd: "0.001" }));
    expect(tookMs).toBeLessThan(1_000);
    const { budgets } = await admin.keys.get({ public_id: publicId });
    expect(budgets).toMatchObject([{ limit_usd: "0.0005", extra_usd: "0.001" }]);
  });

  it("is reset: what was spent stays, and as much is added, once", async () => {
    const { text, publicId } = await gateway.makeKey({ budgets: [{ limitNanoUsd: limit, period: "total" }] });
    await spendAll(text);
    await waitUntil(async () => {
      const { windows } = await admin.limits.listWindows({ subject: publicId });
      return windows[0]?.reserved_usd === "0";
    }, "all is stored");
    const [before] = (await admin.limits.listWindows({ subject: publicId })).windows;
    const reset = await admin.limits.reset({ window_id: before?.window_id ?? "" });
    expect(reset).toMatchObject({
      spent_usd: before?.spent_usd,
      extra_usd: before?.spent_usd,
      remaining_usd: "0.0005",
    });
    expect(await admin.limits.reset({ public_id: publicId })).toEqual(reset);
    expect(await findHelpMsOrZero(text)).toBeLessThan(1_000);
    // What was added by hand is not taken away.
    const topped = await admin.limits.topUp({ public_id: publicId, amount_usd: "7" });
    expect((await admin.limits.reset({ public_id: publicId })).extra_usd).toBe(topped.extra_usd);
  });

  async function findHelpMsOrZero(key: string): Promise<number> {
    const startedMs = performance.now();
    await waitUntil(async () => (await call(key)) === 200, "it is let in", 5_000);
    return performance.now() - startedMs;
  }

  it("gets a higher limit, and who was refused is let in within a second", async () => {
    const { text, publicId } = await gateway.makeKey({ budgets: [{ limitNanoUsd: limit, period: "day" }] });
    await spendAll(text);
    const budgets = [{ limit_usd: "1", period: "day" }];
    expect(await findHelpMs(text, () => admin.keys.update({ public_id: publicId, budgets }))).toBeLessThan(1_000);
  });

  it("that no call has opened yet is topped up all the same, and the first call finds it", async () => {
    const { text, publicId } = await gateway.makeKey({
      budgets: [
        { limitNanoUsd: 0n, period: "month", timezone: "Europe/Berlin" },
        { limitNanoUsd: 1_000_000_000n, period: "30d" },
      ],
    });
    const topped = await admin.limits.topUp({ public_id: publicId, period: "month", amount_usd: 0.5 });
    expect(topped).toMatchObject({ level: "key", subject: publicId, timezone: "Europe/Berlin", remaining_usd: "0.5" });
    expect(await call(text)).toBe(200);
    await waitUntil(
      async () => (await admin.keys.get({ public_id: publicId })).budgets[0]?.spent_usd !== "0",
      "it is charged",
    );
  });

  it.each([
    [{ window_id: "key/none/day/0" }, "not_found"],
    [{ public_id: "zzzzzzzzzzzz" }, "not_found"],
    [{}, "validation_failed"],
    [{ window_id: "key/none/day/0", public_id: "zzzzzzzzzzzz" }, "validation_failed"],
    [{ window_id: "key/none/day/0", period: "day" }, "validation_failed"],
  ])("%j: %s", async (reference, code) => {
    await expect(admin.limits.reset(reference)).rejects.toMatchObject({ cause: { code } });
    await expect(admin.limits.topUp({ ...reference, amount_usd: "1" })).rejects.toMatchObject({ cause: { code } });
  });

  it("names the budgets there are where it is not clear which is meant", async () => {
    const budgets = [
      { limitNanoUsd: 1n, period: "day" },
      { limitNanoUsd: 1n, period: "day", timezone: "Asia/Tokyo" },
    ];
    const { publicId } = await gateway.makeKey({ budgets });
    const none = await gateway.makeKey();
    const reset = (more: object) => admin.limits.reset({ public_id: publicId, ...more });
    await expect(reset({})).rejects.toThrow("must name one of the key's budgets: day, day in Asia/Tokyo");
    await expect(reset({ period: "week" })).rejects.toThrow("must name one of");
    await expect(admin.limits.reset({ public_id: none.publicId })).rejects.toThrow("the key has no budget");
    expect(await reset({ period: "day", timezone: "Asia/Tokyo" })).toMatchObject({ timezone: "Asia/Tokyo" });
  });

  it("whose period has ended, or that would get more than can be counted, is left as it is", async () => {
    const { publicId } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1n, period: "day" }] });
    const { window_id } = await admin.limits.topUp({ public_id: publicId, amount_usd: 1e9 });
    await expect(admin.limits.topUp({ window_id, amount_usd: "0.000000001" })).rejects.toThrow("in all");
    await expect(admin.limits.topUp({ window_id, amount_usd: 0 })).rejects.toThrow("more than 0");
    await sql()`update budget_window set ends_at = now() - interval '1 second' where window_id = ${window_id}`;
    await expect(admin.limits.reset({ window_id })).rejects.toThrow("This period ended");
  });
});

describe("who may change budgets", () => {
  it("a key that has a budget itself adds to none, and an owner's key sees none", async () => {
    const { config, clock, logger, database } = gateway.context;
    const key = await admin.keys.create({ permissions: ["*"], budgets: [{ limit_usd: "1", period: "total" }] });
    const owned = await gateway.makeKey({ permissions: ["*"], ownerId: "acme" });
    const as = async (text: string) => {
      const known = await gateway.context.proxy.findKey(text);
      if (known === null || isRefusal(known)) throw new Error("no key");
      const caller = { kind: "key", key: known.key, ip: "" } as const;
      return makeCaller({ caller, origin: { ip: "", requestId: "" }, database, clock, config, logger, randomBytes });
    };
    const limited = await as(key.api_key ?? "");
    const change = { public_id: key.public_id, amount_usd: "1" };
    await expect(limited.limits.topUp(change)).rejects.toThrow("A key that has a budget itself");
    await expect(limited.limits.reset({ public_id: key.public_id })).rejects.toThrow("A key that has a budget itself");
    expect((await limited.limits.listWindows({})).windows.length).toBeGreaterThan(0);
    await expect((await as(owned.text)).limits.listWindows({})).rejects.toThrow("belong to nobody");
  });
});

describe("the list of windows", () => {
  it("is filtered by level, subject and state, and comes in pages that neither repeat nor miss one", async () => {
    await sql()`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version,
        settled_nano_usd)
      select 'owner/paged/day/' || n, 'owner', 'paged', 'day', 'UTC', now() - interval '2 days',
        case when n % 5 = 0 then now() - interval '1 day' else now() + interval '1 day' end, 10, 1,
        case when n % 2 = 0 then 10 else 9 end
      from generate_series(1, 30) n`;
    const filter = { level: "owner", subject: "paged" } as const;
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof admin.limits.listWindows>> = await admin.limits.listWindows({
        ...filter,
        limit: 7,
        ...(cursor === null ? {} : { cursor }),
      });
      seen.push(...page.windows.map((window) => window.window_id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect([seen.length, new Set(seen).size]).toEqual([30, 30]);
    const count = async (state: "open" | "exhausted" | "closed") => {
      const { windows } = await admin.limits.listWindows({ ...filter, state });
      expect(windows.every((window) => window.state === state)).toBe(true);
      return windows.length;
    };
    expect([await count("closed"), await count("exhausted"), await count("open")]).toEqual([6, 12, 12]);
    expect((await admin.limits.listWindows({ level: "tag" })).windows).toEqual([]);
  });
});

describe("processes", () => {
  it("are listed with what they hold, and written off when they are silent", async () => {
    const { text } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 9_000_000_000n, period: "day" }] });
    expect(await call(text)).toBe(200);
    const { processes } = await admin.limits.listProcesses({ state: "live" });
    expect(processes).toMatchObject([{ state: "live", silent_at: null, closed_at: null }]);
    const [own] = processes;
    expect(own?.windows).toBeGreaterThan(0);
    expect(own?.held_usd).not.toBe("0");
    const process = own?.process ?? "";
    await expect(admin.limits.writeOff({ process })).rejects.toMatchObject({ cause: { code: "conflict" } });
    await expect(admin.limits.writeOff({ process: "nobody" })).rejects.toMatchObject({ cause: { code: "not_found" } });

    await sql()`
      insert into budget_process (process, seen_at) values ('silent', now() - interval '61 seconds')`;
    const [window] = (await admin.limits.listWindows({ state: "open" })).windows;
    const id = window?.window_id ?? "";
    await sql()`insert into budget_lease values ('silent', ${id}, 5000, 2000)`;
    await sql()`update budget_window set leased_nano_usd = leased_nano_usd + 3000 where window_id = ${id}`;
    expect((await admin.limits.listProcesses({ state: "silent" })).processes).toMatchObject([
      { process: "silent", held_usd: "0.000003", windows: 1 },
    ]);
    expect(await admin.limits.writeOff({ process: "silent" })).toMatchObject({
      state: "closed",
      held_usd: "0",
      windows: 0,
      written_off_usd: "0.000003",
    });
    await expect(admin.limits.writeOff({ process: "silent" })).rejects.toThrow("has ended");
    const { entries } = await admin.audit.list({ object: "silent" });
    expect(entries).toMatchObject([{ action: "limits.writeOff", object_type: "budget_process" }]);
  });

  it("that run are written off by force alone, and lend nothing more", async () => {
    expectPostgresLog(/the process \S+ is closed/);
    const { text } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1_000_000_000n, period: "day" }] });
    const [own] = (await admin.limits.listProcesses({ state: "live" })).processes;
    expect(await admin.limits.writeOff({ process: own?.process ?? "", force: true })).toMatchObject({
      state: "closed",
    });
    expect(await call(text)).toBe(503);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { updateAuditCheckpoint } from "../../../server/platform/audit-checkpoint.ts";
import { handleVerifyAuditChain } from "../../../workers/jobs/verify-audit-chain.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { plantAuditFault } from "../../support/audit-chain.ts";
import { runCliHere } from "../../support/cli-run.ts";
import { openWorkerHarness } from "../../support/worker-harness.ts";

let harness: AdminHarness;
let operator: { text: string; id: string };
let folder: string;
beforeAll(async () => {
  harness = await openAdminHarness();
  operator = await harness.makeKey({ permissions: ["*"], name: "Operator" });
  folder = mkdtempSync(join(tmpdir(), "tollgate-audit-"));
});
afterAll(async () => {
  await harness.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Entry {
  seq: number;
  at: string;
  actor: string;
  action: string;
  object_id: string;
  owner_id: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  ip: string;
  request_id: string;
}
async function list(query: string, key = operator.text): Promise<{ entries: Entry[]; next_cursor: string | null }> {
  const answer = await harness.send("GET", `/admin/audit${query}`, key);
  expect(answer.status, answer.text).toBe(200);
  return answer.body as unknown as { entries: Entry[]; next_cursor: string | null };
}

test("a change says who, what, before, after, from where and by which request", async () => {
  const made = await harness.send("POST", "/admin/api-keys", operator.text, { name: "Mine", owner_id: "owner-a" });
  expect(made.status).toBe(201);
  const id = String(made.body.public_id);
  const changed = await harness.send("PATCH", `/admin/api-keys/${id}`, operator.text, { name: "Ours" });
  expect(changed.status).toBe(200);
  expect(changed.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  const revoked = await harness.send("DELETE", `/admin/api-keys/${id}`, operator.text);
  expect(revoked.headers.get("x-request-id")).not.toBe(changed.headers.get("x-request-id"));

  const { entries } = await list(`?object=${id}`);
  expect(entries.map(({ action }) => action)).toEqual(["keys.revoke", "keys.update", "keys.create"]);
  expect(entries[1]).toMatchObject({
    actor: `key:${operator.id}`,
    object_type: "api_key",
    object_id: id,
    owner_id: "owner-a",
    ip: "127.0.0.1",
    request_id: changed.headers.get("x-request-id"),
    before: { name: "Mine", version: 1 },
    after: { name: "Ours", version: 2 },
  });
  expect(entries[2]).toMatchObject({ before: null, request_id: made.headers.get("x-request-id") });
  expect(JSON.stringify(entries)).not.toContain(String(made.body.api_key).slice(20));
});

test("what changed nothing is no entry, and neither is what was refused", async () => {
  const key = await harness.makeKey();
  await harness.system.keys.disable({ public_id: key.id });
  await harness.system.keys.disable({ public_id: key.id });
  await harness.send("PATCH", `/admin/api-keys/${key.id}`, operator.text, { alias: "No Alias" });
  await harness.send("PATCH", `/admin/api-keys/${key.id}`, operator.text, { name: "x", if_match: 99 });
  const { entries } = await list(`?object=${key.id}`);
  expect(entries.map(({ action }) => action)).toEqual(["keys.disable", "keys.create"]);
});

test("a refused call carries x-request-id too, on REST and on tRPC", async () => {
  for (const [method, path, key] of [
    ["GET", "/admin/audit", null],
    ["GET", "/admin/nothing", operator.text],
    ["GET", "/trpc/audit.list", null],
    ["GET", "/trpc/audit.list", operator.text],
  ] as const) {
    const { headers } = await harness.send(method, path, key);
    expect(headers.get("x-request-id"), path).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test("filters and pages", async () => {
  for (let index = 0; index < 7; index += 1) await harness.makeKey();
  const all = await list("?limit=200");
  expect(all.next_cursor).toBeNull();
  expect(all.entries.map(({ seq }) => seq)).toEqual(all.entries.map((_, index) => all.entries.length - index));

  const paged: Entry[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await list(`?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
    expect(page.entries.length).toBeLessThanOrEqual(3);
    paged.push(...page.entries);
    cursor = page.next_cursor;
  }
  expect(paged).toEqual(all.entries);

  const filters: [string, (entry: Entry) => boolean][] = [
    [`actor=key:${operator.id}`, (entry) => entry.actor === `key:${operator.id}`],
    ["action=keys.disable", (entry) => entry.action === "keys.disable"],
    ["object=api_key", () => true],
    [`object=api_key:${operator.id}`, (entry) => entry.object_id === operator.id],
    [`from=${all.entries[2]?.at}`, (entry) => entry.at >= String(all.entries[2]?.at)],
    [`to=${all.entries[2]?.at}`, (entry) => entry.at < String(all.entries[2]?.at)],
    ["actor=nobody", () => false],
  ];
  for (const [filter, isWanted] of filters) {
    expect((await list(`?limit=200&${filter}`)).entries, filter).toEqual(all.entries.filter(isWanted));
  }
  for (const wrong of ["limit=0", "limit=201", "cursor=x", "from=yesterday", "nothing=1", "actor="]) {
    expect((await harness.send("GET", `/admin/audit?${wrong}`, operator.text)).status, wrong).toBe(422);
  }
});

test("an owner's key sees what was done to the owner's objects, not where operators sit, and may not verify", async () => {
  const mine = await harness.makeKey({ permissions: ["admin:keys"], owner_id: "owner-b" });
  const moved = await harness.makeKey({ owner_id: "owner-c" });
  await harness.send("PATCH", `/admin/api-keys/${moved.id}`, operator.text, { owner_id: "owner-b" });
  const { entries } = await list("", mine.text);
  expect(entries.map(({ action, object_id: id }) => [action, id])).toEqual([
    ["keys.update", moved.id],
    ["keys.create", mine.id],
  ]);
  expect(entries[0]).toMatchObject({ ip: "", before: null, after: { owner_id: "owner-b" } });
  expect((await harness.send("GET", "/admin/audit/verify", mine.text)).status).toBe(403);
});

test("verify, the command line and the job find the same", async () => {
  const { sql } = harness.test.database;
  const config = harness.context.config;
  config.dataDir = join(folder, "data");
  config.sealKey = new Secret("audit-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k");
  const env = {
    DATABASE_URL: harness.test.url,
    TOLLGATE_PEPPER: "audit-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
    TOLLGATE_SEAL_KEY: config.sealKey.reveal(),
    TOLLGATE_SESSION_SECRET: "audit-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
  };
  const workers = openWorkerHarness({ databaseUrl: harness.test.url, redisUrl: null }, []);
  workers.context.config = { ...workers.context.config, dataDir: config.dataDir, sealKey: config.sealKey };
  const runJob = () =>
    handleVerifyAuditChain({
      context: workers.context,
      logger: workers.context.logger,
      signal: new AbortController().signal,
      updateProgress: async () => undefined,
    });
  try {
    const whole = await harness.send("GET", "/admin/audit/verify", operator.text);
    expect(whole.body).toMatchObject({ valid: true, problem: null, checkpoint: null });
    const entries = Number(whole.body.entries);
    const head = whole.body.head as { seq: number; at: string; hash: string };
    expect(head.seq).toBe(entries);
    updateAuditCheckpoint(config, { ...head, seq: String(head.seq) });
    const listed = await runCliHere(["audit", "list", "--json", "--limit", "2"], folder, env);
    expect(listed).toMatchObject({ code: 0, error: "" });
    expect(JSON.parse(listed.out)).toMatchObject({ entries: [{ seq: entries }, { seq: entries - 1 }] });
    expect(await runCliHere(["audit", "verify"], folder, env)).toMatchObject({
      code: 0,
      out: `The audit log is whole: ${entries} entries, checkpoint at ${entries}.\n`,
    });
    expect(await runJob()).toEqual({ entries, broken: 0 });

    await plantAuditFault(sql, (tx) => tx`delete from audit_entry where seq > 3`);
    const cut = await harness.send("GET", "/admin/audit/verify", operator.text);
    expect(cut.body).toMatchObject({ valid: false, entries: 3, problem: { seq: 4, kind: "cut" } });
    const told = await runCliHere(["audit", "verify"], folder, env);
    expect(told).toMatchObject({ code: 1, out: "" });
    expect(told.error).toContain("are gone from the end");
    expect(await runJob()).toEqual({ entries: 3, broken: 1 });
    expect(workers.auditChecks).toEqual([true, false]);
    expect(workers.lines.filter(({ level }) => level === "error").map(({ msg }) => msg)).toEqual([
      "The audit log is not what was written",
    ]);

    // A checkpoint that somebody else wrote is not believed, though the chain goes through it.
    const third = cut.body.head as { seq: number; at: string; hash: string };
    updateAuditCheckpoint({ ...config, sealKey: new Secret("x".repeat(48)) }, { ...third, seq: String(third.seq) });
    expect((await harness.send("GET", "/admin/audit/verify", operator.text)).body).toMatchObject({
      valid: false,
      problem: { kind: "checkpoint" },
    });
    expect(await runJob()).toEqual({ entries: 3, broken: 1 });
  } finally {
    await workers.stop();
  }
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";

let admin: AdminHarness;
let used: string;
let unused: string;
let root: string;

const dayMs = 86_400_000;

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ permissions: ["*"] })).text;
  used = (await admin.makeKey({ budgets: [{ limit_usd: "5", period: "month" }] })).id;
  unused = (await admin.makeKey({ owner_id: "somebody" })).id;
  const event = { publicId: used as PublicId, costNanoUsd: 1_000_000n };
  await insertUsageEvents(admin.test.database.sql, "test", [
    makeUsageEvent(Date.now() - dayMs, { ...event, status: 500 }),
    makeUsageEvent(Date.now() - 2 * dayMs, { ...event, status: 200 }),
    makeUsageEvent(Date.now() - 2 * dayMs, { ...event, status: 200 }),
  ]);
});
afterAll(() => admin.close());

test("200: calls of 30 days and budgets, of each key that the caller may see", async () => {
  const { status, body } = await admin.send(
    "GET",
    `/admin/api-key-figures?public_ids=${used},${unused},zzzzzzzzzzzz`,
    root,
  );
  expect(status).toBe(200);
  const figures = body.figures as { public_id: string; error_rate: number }[];
  expect(figures.map(({ public_id: id }) => id).sort()).toEqual([used, unused].sort());
  expect(figures.find(({ public_id: id }) => id === used)).toMatchObject({
    requests: 3,
    errors: 1,
    cost_usd: "0.003",
    budgets: [{ limit_usd: "5", period: "month", remaining_usd: "5" }],
  });
  expect(figures.find(({ public_id: id }) => id === used)?.error_rate).toBeCloseTo(1 / 3);
  expect(figures.find(({ public_id: id }) => id === unused)).toMatchObject({
    requests: 0,
    error_rate: 0,
    cost_usd: "0",
  });

  const own = (await admin.makeKey({ permissions: ["admin:keys"], owner_id: "somebody" })).text;
  const seen = await admin.send("GET", `/admin/api-key-figures?public_ids=${used},${unused}`, own);
  expect((seen.body.figures as { public_id: string }[]).map(({ public_id: id }) => id)).toEqual([unused]);
});

test("422: what is no public id, and more keys than a page has", async () => {
  for (const ids of ["not-an-id", Array.from({ length: 201 }, (_, n) => String(n).padStart(12, "0")).join(",")]) {
    expect((await admin.send("GET", `/admin/api-key-figures?public_ids=${ids}`, root)).status).toBe(422);
  }
});

test("200: what may be chosen for a key here", async () => {
  const { body } = await admin.send("GET", "/admin/api-key-options", root);
  expect(body).toMatchObject({
    types: [
      { name: "development", prefix: "dev_" },
      { name: "production", prefix: "prod_" },
      { name: "client", prefix: "client_" },
    ],
    permissions: expect.arrayContaining(["ai:inference", "admin:usage"]),
    models: expect.any(Array),
    model_prefixes: expect.any(Array),
    expiry: { default_days: 90, max_days: 365, may_be_never: false },
  });
});

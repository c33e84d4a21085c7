import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../support/gateway-process.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A portal that makes keys for its customers over HTTP, and bills them by tags that no client can change. */
let gateway: GatewayProcess;
let portal: string;

beforeAll(async () => {
  gateway = await openGatewayProcess();
  portal = (await gateway.makeKey({ permissions: ["admin:keys", "admin:usage", "ai:inference"] })).text;
});
afterAll(() => gateway.close());

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function send(method: string, path: string, key: string | null, body?: unknown): Promise<Answer> {
  const response = await gateway.call(method, path, key, body);
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

const tags = { customer_id: "acme-corp", project_id: "proj-a1b2c3", billing_tier: "premium" };
const question = { model: "echo::hello", messages: [{ role: "user", content: "Hello!" }] };

async function infer(key: string, body: object = {}, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...question, ...body }),
  });
  await response.text();
  return response.status;
}

async function listRows(query: string, requests: number): Promise<Record<string, unknown>[]> {
  let rows: Record<string, unknown>[] = [];
  await waitUntil(async () => {
    const { body } = await send("GET", `/admin/usage?${query}`, portal);
    rows = body.rows as Record<string, unknown>[];
    return rows.reduce((sum, row) => sum + Number(row.requests), 0) >= requests;
  }, `${requests} requests in ${query}`);
  return rows;
}

describe("the five endpoints", () => {
  test("create, list, read, change, delete", async () => {
    const expiration = new Date(Math.floor(Date.now() / 1_000 + 60 * 86_400) * 1_000);
    const wanted = expiration.toISOString().replace(".000Z", "Z");
    const made = await send("POST", "/admin/api-keys", portal, {
      tags,
      expiration: wanted,
      description: "Acme, premium",
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      api_key: expect.stringMatching(/^prod_[0-9a-z]{12}_[0-9A-Za-z]{48}$/),
      public_id: expect.stringMatching(/^[0-9a-z]{12}$/),
      tags,
      expiration: expiration.toISOString(),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    const { api_key: text, public_id: id } = made.body as { api_key: string; public_id: string };
    expect(await infer(text)).toBe(200);

    const other = await send("POST", "/admin/api-keys", portal, { tags: { customer_id: "other" } });
    const list = await send("GET", "/admin/api-keys?tag[customer_id]=acme-corp", portal);
    expect([list.status, (list.body.api_keys as { public_id: string }[]).map((key) => key.public_id)]).toEqual([
      200,
      [id],
    ]);
    const all = await send("GET", "/admin/api-keys", portal);
    expect((all.body.api_keys as { public_id: string }[]).map((key) => key.public_id)).toContain(other.body.public_id);

    const one = await send("GET", `/admin/api-keys/${id}`, portal);
    expect([one.status, one.body.tags, one.body.description]).toEqual([200, tags, "Acme, premium"]);
    const shown = JSON.stringify([list.body, all.body, one.body]);
    expect(shown).not.toContain(text);
    expect(shown).not.toContain(text.slice(-48, -6));
    expect(one.body).not.toHaveProperty("api_key");

    const changed = await send("PATCH", `/admin/api-keys/${id}`, portal, { tags: { ...tags, billing_tier: "basic" } });
    expect([changed.status, changed.body.tags]).toEqual([200, { ...tags, billing_tier: "basic" }]);

    const deleted = await send("DELETE", `/admin/api-keys/${id}`, portal);
    expect([deleted.status, deleted.body]).toEqual([204, {}]);
    await waitUntil(async () => (await infer(text)) === 401, "401", 1_000);
    expect((await send("DELETE", `/admin/api-keys/${id}`, portal)).status).toBe(204);
    expect((await send("GET", `/admin/api-keys/${id}`, portal)).body.state).toBe("revoked");
  });

  test("need an elevated key", async () => {
    const customer = await gateway.makeKey({ tags });
    for (const [method, path] of [
      ["POST", "/admin/api-keys"],
      ["GET", "/admin/api-keys"],
      ["GET", `/admin/api-keys/${customer.publicId}`],
      ["PATCH", `/admin/api-keys/${customer.publicId}`],
      ["DELETE", `/admin/api-keys/${customer.publicId}`],
      ["GET", "/admin/usage"],
    ] as const) {
      const body = method === "POST" || method === "PATCH" ? { tags: {} } : undefined;
      expect([method, path, (await send(method, path, null, body)).status]).toEqual([method, path, 401]);
      expect([method, path, (await send(method, path, customer.text, body)).status]).toEqual([method, path, 403]);
    }
    expect(await infer(customer.text)).toBe(200);
  });
});

describe("key-bound tags", () => {
  test("are written with each inference, and body, TensorZero's field and header override none", async () => {
    const key = await gateway.makeKey({ tags: { customer_id: "bound-corp", project_id: "p1" } });
    const stolen = { customer_id: "victim", project_id: "p2" };
    const attempts: [object, Record<string, string>][] = [
      [{}, {}],
      [{ tags: { ...stolen, run: "body" } }, {}],
      [{ "tensorzero::tags": { ...stolen, run: "tensorzero" } }, {}],
      [{}, { "x-tollgate-tags": "customer_id=victim,project_id=p2,run=header" }],
      [{ tags: stolen, "tensorzero::tags": stolen, stream: true }, { "x-tollgate-tags": "customer_id=victim" }],
    ];
    for (const [body, headers] of attempts) expect(await infer(key.text, body, headers)).toBe(200);
    const rows = await listRows(`group_by=tag:customer_id,tag:project_id&public_id=${key.publicId}`, attempts.length);
    expect(rows.map((row) => [row["tag:customer_id"], row["tag:project_id"], row.requests])).toEqual([
      ["bound-corp", "p1", attempts.length],
    ]);
    // What the clients said is kept, apart from what is billed.
    const events = await gateway.database.database.sql<{ key_tags: object; request_tags: object | null }[]>`
      select key_tags, request_tags from usage_event where public_id = ${key.publicId} order by at, id`;
    expect(events.map((event) => event.key_tags)).toEqual(
      attempts.map(() => ({ customer_id: "bound-corp", project_id: "p1" })),
    );
    expect(events.map((event) => event.request_tags)).toEqual([
      null,
      { run: "body" },
      { run: "tensorzero" },
      { run: "header" },
      null,
    ]);
    expect(await listRows("group_by=key&tag[customer_id]=victim", 0)).toEqual([]);
    // A tag of a request is no dimension of a bill.
    expect(
      (await listRows(`group_by=tag:run&public_id=${key.publicId}`, attempts.length)).map((row) => row["tag:run"]),
    ).toEqual([null]);
  });

  test("names that are reserved are refused in a request, whichever way they come", async () => {
    const key = await gateway.makeKey({ tags });
    for (const name of ["tensorzero::api_key_public_id", "key::customer_id", "tollgate::x"]) {
      expect([name, await infer(key.text, { tags: { [name]: "x" } })]).toEqual([name, 400]);
      expect([name, await infer(key.text, { "tensorzero::tags": { [name]: "x" } })]).toEqual([name, 400]);
      expect([name, await infer(key.text, {}, { "x-tollgate-tags": `${name}=x` })]).toEqual([name, 400]);
      expect((await send("POST", "/admin/api-keys", portal, { tags: { [name]: "x" } })).status).toBe(422);
    }
  });

  test("usage per customer is one question, over all of a customer's keys", async () => {
    for (const [customer, calls] of [
      ["north", [2, 1]],
      ["south", [1]],
    ] as const) {
      for (const count of calls) {
        const key = await gateway.makeKey({ tags: { customer_id: customer } });
        for (let index = 0; index < count; index++) expect(await infer(key.text)).toBe(200);
      }
    }
    await listRows("group_by=key&tag[customer_id]=south", 1);
    const north = await listRows("group_by=tag:customer_id&tag[customer_id]=north", 3);
    expect(north.map((row) => [row["tag:customer_id"], row.requests, row.cost_usd])).toEqual([
      ["north", 3, "0.000018"],
    ]);
  });
});

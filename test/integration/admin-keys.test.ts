import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";

let admin: AdminHarness;
let key: string;

beforeAll(async () => {
  admin = await openAdminHarness();
  key = (await admin.makeKey({ name: "root", permissions: ["*"] })).text;
});
afterAll(() => admin.close());

const keys = "/admin/api-keys";

describe("POST /admin/api-keys", () => {
  it("201: answers the plaintext once, with the defaults of the contract", async () => {
    const made = await admin.send("POST", keys, key, { name: "Prod API (Zürich)" });
    expect(made.status).toBe(201);
    expect(made.headers.get("cache-control")).toBe("no-store");
    expect(made.body).toMatchObject({
      alias: "prod-api-zurich",
      type: "production",
      state: "active",
      permissions: ["ai:inference"],
      models: ["*"],
      tags: {},
      budgets: [],
      rate_limits: {},
      owner_id: null,
      on_disconnect: "drain",
      version: 1,
    });
    expect(made.body.api_key).toMatch(/^prod_[0-9a-z]{12}_[0-9A-Za-z]{48}$/);
    expect(String(made.body.api_key)).toContain(`_${made.body.public_id}_`);
    expect(made.body.expiration).toBe(made.body.expires_at);
    const days = (Date.parse(String(made.body.expires_at)) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(90, 1);
    const shown = await admin.send("GET", `${keys}/${made.body.public_id}`, key);
    expect(shown.text).not.toContain(String(made.body.api_key).slice(-48));
    expect(shown.body).not.toHaveProperty("api_key");
  });

  it("201: keeps every property", async () => {
    const sent = {
      alias: "everything",
      name: "Everything",
      description: "two\nlines",
      type: "development",
      permissions: ["ai:*", "admin:usage"],
      models: ["openai::*", "!openai::o1"],
      tags: { customer: "acme", "cost.center": "42" },
      rate_limits: { requests_per_minute: 10, tokens_per_day: 1000, concurrent_requests: 2 },
      max_output_tokens: 500,
      expires_at: new Date(Date.now() + 86_400_000).toISOString(),
      allowed_ips: ["10.0.0.0/8", "2001:db8::1"],
      allowed_origins: ["https://app.example.com", "https://*.example.org"],
      owner_id: "user-1",
      provider_credentials: { openai: "team-a" },
      on_disconnect: "abort",
    };
    const budgets = [
      { limit_usd: "12.000000001", period: "30d" },
      { limit_usd: 0.1, period: "month", timezone: "Europe/Berlin" },
    ];
    const made = await admin.send("POST", keys, key, { ...sent, budgets });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(sent);
    expect(made.body.budgets).toEqual([
      { limit_usd: "12.000000001", period: "30d" },
      { limit_usd: "0.1", period: "month", timezone: "Europe/Berlin" },
    ]);
    expect(made.body.api_key).toMatch(/^dev_/);
    const { api_key: _plaintext, ...rest } = made.body;
    expect((await admin.send("GET", `${keys}/${made.body.public_id}`, key)).body).toMatchObject(rest);
  });

  it("201: numbers the alias where names are equal, also when they race", async () => {
    const names = Array.from({ length: 8 }, () => admin.send("POST", keys, key, { name: "Same name" }));
    const aliases = (await Promise.all(names)).map((answer) => String(answer.body.alias));
    expect(new Set(aliases).size).toBe(8);
    for (const alias of aliases) expect(alias).toMatch(/^same-name(-|$)/);
  });

  it("201: a client key gets its own defaults", async () => {
    const made = await admin.send("POST", keys, key, { type: "client", allowed_origins: ["https://app.example.com"] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ rate_limits: { requests_per_minute: 100 }, max_output_tokens: 1024 });
    expect(made.body.api_key).toMatch(/^client_/);
  });

  it("201: Idempotency-Key makes no second key and shows no plaintext again", async () => {
    const headers = { "idempotency-key": "order-7" };
    const answers = await Promise.all(
      [1, 2, 3].map(() => admin.send("POST", keys, key, { name: "idem", tags: { idem: "yes" } }, headers)),
    );
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map((answer) => answer.body.public_id)).size).toBe(1);
    expect(answers.filter((answer) => answer.body.api_key !== null)).toHaveLength(1);
    const replayed = answers.filter((answer) => answer.headers.get("idempotent-replayed") === "true");
    expect(replayed).toHaveLength(2);
    const listed = await admin.send("GET", `${keys}?tag[idem]=yes`, key);
    expect(listed.body.api_keys).toHaveLength(1);
  });

  it("409: an alias that a live key of the owner has; free again once that one is revoked", async () => {
    const first = await admin.send("POST", keys, key, { alias: "taken" });
    const second = await admin.send("POST", keys, key, { alias: "taken" });
    expect(second.status).toBe(409);
    expect(second.body.error).toMatchObject({ code: "alias_taken", param: "alias", type: "invalid_request_error" });
    expect((await admin.send("POST", keys, key, { alias: "taken", owner_id: "somebody" })).status).toBe(201);
    await admin.send("DELETE", `${keys}/${first.body.public_id}`, key);
    expect((await admin.send("POST", keys, key, { alias: "taken" })).status).toBe(201);
  });

  it("422: names all fields at fault at once", async () => {
    const answer = await admin.send("POST", keys, key, {
      alias: "Not Good",
      permissions: ["root:everything"],
      budgets: [{ limit_usd: -1, period: "fortnight" }],
      tags: { "tensorzero::x": "1", "Big Name": "2" },
      rate_limits: { requests_per_year: 1, requests_per_minute: 1.5 },
      allowed_ips: ["10.0.0.0/33"],
      allowed_origins: ["https://*.com", "https://a.example.com/path"],
      is_admin: true,
    });
    expect(answer.status).toBe(422);
    const error = answer.body.error as { code: string; issues: { path: string }[] };
    expect(error.code).toBe("validation_failed");
    const paths = error.issues.map((issue) => issue.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "alias",
        "permissions[0]",
        "budgets[0].limit_usd",
        "budgets[0].period",
        "tags.tensorzero::x",
        "tags.Big Name",
        "rate_limits.requests_per_year",
        "allowed_ips[0]",
        "allowed_origins[0]",
        "allowed_origins[1]",
        "is_admin",
      ]),
    );
  });

  it.each([
    ["in the past", { expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    ["more than 365 days ahead", { expiration: new Date(Date.now() + 366 * 86_400_000).toISOString() }, "expiration"],
    ["never, where that is not allowed", { expires_at: null }, "expires_at"],
    ["said twice", { expires_at: "2027-01-01T00:00:00Z", expiration: "2027-01-01T00:00:00Z" }, "expiration"],
    ["a client key without origins", { type: "client" }, "allowed_origins"],
    [
      "a client key that deletes",
      { type: "client", allowed_origins: ["https://a.b.c"], permissions: ["vec:*"] },
      "permissions[0]",
    ],
    ["a number as text", { max_output_tokens: "5" }, "max_output_tokens"],
    ["a boolean as a number", { max_output_tokens: true }, "max_output_tokens"],
    ["a NUL", { name: "a\u0000b" }, "name"],
    ["half a character", { description: "\ud800" }, "description"],
  ])("422: %s", async (_title, body, path) => {
    // Twice: the first REST call must not loosen the schemas for the next.
    for (const round of [1, 2]) {
      const answer = await admin.send("POST", keys, key, body);
      expect([round, answer.status]).toEqual([round, 422]);
      expect((answer.body.error as { param: string }).param).toBe(path);
    }
  });

  it("400, 413, 415: bodies that are no JSON, too large, compressed or of another type", async () => {
    const json = { "content-type": "application/json" };
    const broken = await admin.send("POST", keys, key, "{", json);
    expect([broken.status, (broken.body.error as { code: string }).code]).toEqual([400, "invalid_request"]);
    const large = await admin.send("POST", keys, key, { description: "x".repeat(300_000) });
    expect([large.status, (large.body.error as { code: string }).code]).toEqual([413, "body_too_large"]);
    const form = await admin.send("POST", keys, key, "name=x", { "content-type": "application/x-www-form-urlencoded" });
    expect([form.status, (form.body.error as { code: string }).code]).toEqual([415, "unsupported_media_type"]);
    const zipped = await admin.send("POST", keys, key, "xx", { ...json, "content-encoding": "gzip" });
    expect(zipped.status).toBe(415);
  });
});

describe("GET /admin/api-keys", () => {
  it("200: pages newest first without repeats or gaps, never a secret", async () => {
    for (let index = 0; index < 7; index++) await admin.makeKey({ name: `page ${index}`, tags: { page: "yes" } });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query = `?limit=3&tag[page]=yes${cursor === null ? "" : `&cursor=${cursor}`}`;
      const page = await admin.send("GET", keys + query, key);
      expect(page.status).toBe(200);
      const listed = page.body.api_keys as { name: string; public_id: string }[];
      expect(listed.length).toBeLessThanOrEqual(3);
      expect(page.text).not.toMatch(/_[0-9A-Za-z]{48}/);
      seen.push(...listed.map((entry) => entry.name));
      cursor = page.body.next_cursor as string | null;
    } while (cursor !== null);
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((index) => `page ${index}`));
  });

  it("200: filters by state, type, owner, tag, alias and text, taken literally", async () => {
    const { id } = await admin.makeKey({
      name: "100%_real",
      type: "development",
      owner_id: "own_1",
      tags: { f: "a b" },
    });
    await admin.system.keys.disable({ public_id: id });
    for (const query of [
      "state=disabled&owner_id=own_1",
      "type=development&tag[f]=a%20b",
      "q=0%25_REAL",
      `q=${id}`,
      "alias=100-real",
    ]) {
      const answer = await admin.send("GET", `${keys}?${query}`, key);
      expect([query, (answer.body.api_keys as { public_id: string }[]).map((one) => one.public_id)]).toEqual([
        query,
        [id],
      ]);
    }
    const none = await admin.send("GET", `${keys}?q=1__%25`, key);
    expect(none.body).toEqual({ api_keys: [], next_cursor: null });
  });

  it.each(["limit=0", "limit=201", "limit=x", "state=gone", "cursor=abc", "surprise=1", "limit=1&limit=2"])(
    "422: ?%s",
    async (query) => {
      expect((await admin.send("GET", `${keys}?${query}`, key)).status).toBe(422);
    },
  );

  it("200: a key that ended counts as expired though nothing has swept", async () => {
    const { id } = await admin.makeKey({ name: "ended" });
    await admin.test.database.sql`update api_key set expires_at = now() - interval '1 second' where public_id = ${id}`;
    const listed = await admin.send("GET", `${keys}?state=expired&q=${id}`, key);
    expect(listed.body.api_keys).toMatchObject([{ public_id: id, state: "expired" }]);
    const active = await admin.send("GET", `${keys}?state=active&q=${id}`, key);
    expect(active.body.api_keys).toEqual([]);
  });
});

describe("one key", () => {
  it("GET 200 with use of the day and month; 404 with the same bytes for unknown and ill-formed ids", async () => {
    const { id } = await admin.makeKey();
    const shown = await admin.send("GET", `${keys}/${id}`, key);
    expect(shown.headers.get("etag")).toBe('"1"');
    expect(shown.body.usage).toMatchObject({ day: { requests: 0, cost_usd: "0" }, month: { requests: 0, errors: 0 } });
    const unknown = await admin.send("GET", `${keys}/zzzzzzzzzzzz`, key);
    expect([unknown.status, (unknown.body.error as { code: string }).code]).toEqual([404, "not_found"]);
  });

  it("PATCH 200 changes what was sent, nothing else; If-Match 409 on another version", async () => {
    const { id } = await admin.makeKey({ name: "before", tags: { a: "1" } });
    const changed = await admin.send("PATCH", `${keys}/${id}`, key, {
      name: "after",
      budgets: [{ limit_usd: "1", period: "day" }],
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ name: "after", tags: { a: "1" }, version: 2 });
    for (const match of ["1", '"1"']) {
      const stale = await admin.send("PATCH", `${keys}/${id}`, key, { name: "late" }, { "if-match": match });
      expect([stale.status, (stale.body.error as { code: string }).code]).toEqual([409, "conflict"]);
    }
    for (const match of ['"2"', "3", "*"]) {
      const fresh = await admin.send("PATCH", `${keys}/${id}`, key, { description: match }, { "if-match": match });
      expect(fresh.status).toBe(200);
    }
    const nothing = await admin.send("PATCH", `${keys}/${id}`, key, {});
    expect(nothing.body.version).toBe(5);
  });

  it("PATCH 409 alias_taken, 422 on the type and read-only fields", async () => {
    const { id } = await admin.makeKey({ alias: "patch-one" });
    await admin.makeKey({ alias: "patch-two" });
    expect((await admin.send("PATCH", `${keys}/${id}`, key, { alias: "patch-two" })).body.error).toMatchObject({
      code: "alias_taken",
    });
    for (const body of [{ type: "client" }, { created_by: "me" }, { version: 9 }, { spend: 0 }]) {
      expect((await admin.send("PATCH", `${keys}/${id}`, key, body)).status).toBe(422);
    }
  });

  it("concurrent changes on one version: exactly one wins", async () => {
    const { id } = await admin.makeKey();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        admin.send("PATCH", `${keys}/${id}`, key, { name: `n${index}` }, { "if-match": "1" }),
      ),
    );
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 409)]);
  });

  it("disable and enable need no body; revoke is final and answers 204 again", async () => {
    const { id, text } = await admin.makeKey({ permissions: ["admin:keys"] });
    expect((await admin.send("POST", `${keys}/${id}/disable`, key)).body).toMatchObject({ state: "disabled" });
    expect((await admin.send("GET", keys, text)).status).toBe(401);
    expect((await admin.send("POST", `${keys}/${id}/enable`, key)).body).toMatchObject({ state: "active" });
    expect((await admin.send("GET", keys, text)).status).toBe(200);
    for (const _round of [1, 2]) {
      const gone = await admin.send("DELETE", `${keys}/${id}`, key);
      expect([gone.status, gone.text]).toEqual([204, ""]);
    }
    expect((await admin.send("POST", `${keys}/${id}/enable`, key)).status).toBe(409);
    expect((await admin.send("PATCH", `${keys}/${id}`, key, { name: "x" })).status).toBe(409);
    expect((await admin.send("DELETE", `${keys}/zzzzzzzzzzzz`, key)).status).toBe(404);
  });

  it("each write tells key_changed in its transaction", async () => {
    const heard: string[] = [];
    const listener = admin.test.database.openConnection("test");
    await listener.listen("key_changed", (payload) => void heard.push(payload));
    const { id } = await admin.makeKey();
    await admin.send("POST", `${keys}/${id}/disable`, key);
    await expect.poll(() => heard.filter((payload) => payload === id).length).toBeGreaterThanOrEqual(2);
    await listener.end({ timeout: 1 });
  });
});

describe("no secret at rest", () => {
  it("stores the digest alone", async () => {
    const { text } = await admin.makeKey({ name: "dump" });
    const rows = await admin.test.database.sql`
      select k.*, encode(s.digest, 'hex') as digest_hex from api_key k join api_key_secret s using (public_id)`;
    const secret = text.slice(-48);
    const dump = JSON.stringify(rows);
    for (let at = 0; at + 12 <= secret.length; at++) expect(dump).not.toContain(secret.slice(at, at + 12));
    expect(dump).toContain(text.split("_")[1]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endInstallations, makeHome, openTollgate, type TollgateProcess } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Keys of a cloud with a vector database, a key-value store, an SQL database, files and models, as its console makes them. */
let gateway: TollgateProcess;
let admin: string;

beforeAll(async () => {
  gateway = await openTollgate({ home: makeHome('[permissions]\nextra = ["billing:read"]\n') });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");
  admin = gateway.adminKey() ?? "";
}, 120_000);
afterAll(endInstallations);

const tree = {
  vec: ["read", "write", "delete"],
  kev: ["read", "write", "delete"],
  data: ["read", "write", "admin"],
  ai: ["inference", "agents", "workflows"],
  files: ["read", "write", "delete"],
  admin: ["keys", "usage"],
};
const permissions = Object.entries(tree).flatMap(([service, actions]) => actions.map((one) => `${service}:${one}`));
const question = { model: "echo::hello", messages: [{ role: "user", content: "Hello!" }] };
const app = "https://app.shop.example";

interface MadeKey {
  api_key: string;
  public_id: string;
  permissions: string[];
  rate_limits: Record<string, number>;
  max_output_tokens: number | null;
}

async function make(body: object): Promise<MadeKey> {
  const response = await gateway.call("POST", "/admin/api-keys", admin, body);
  const made = (await response.json()) as MadeKey;
  expect([response.status, made]).toEqual([201, made]);
  return made;
}

async function findProblem(method: string, path: string, body: object): Promise<[number, string]> {
  const response = await gateway.call(method, path, admin, body);
  const { error } = (await response.json()) as { error: { message: string } };
  return [response.status, error.message];
}

/** What `fetch` in a page does for a request with these headers: asks first, sends only what it may, hides the rest. */
async function fetchFromPage(origin: string, key: string, body: object): Promise<Response> {
  const url = `${gateway.url}/v1/chat/completions`;
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-stainless-os",
    },
  });
  const list = (name: string) => (preflight.headers.get(name) ?? "").split(/,\s*/);
  const isAllowed =
    preflight.ok &&
    list("access-control-allow-origin").includes(origin) &&
    list("access-control-allow-methods").includes("POST") &&
    ["authorization", "content-type", "x-stainless-os"].every((name) =>
      list("access-control-allow-headers").includes(name),
    );
  if (!isAllowed) throw new TypeError(`blocked by CORS policy (preflight ${preflight.status})`);
  const response = await fetch(url, {
    method: "POST",
    headers: { origin, authorization: `Bearer ${key}`, "content-type": "application/json", "x-stainless-os": "web" },
    body: JSON.stringify(body),
  });
  if (response.headers.get("access-control-allow-origin") !== origin) {
    throw new TypeError(`blocked by CORS policy (answer ${response.status})`);
  }
  return response;
}

const infer = async (key: string): Promise<number> => {
  const response = await gateway.call("POST", "/v1/chat/completions", key, question);
  await response.text();
  return response.status;
};
const guard = async (permission: string, key: string): Promise<number> =>
  (await gateway.call("GET", `/v1/keys/forward-auth?permission=${permission}`, key)).status;

describe("key types", () => {
  test.each([
    ["development", "dev_"],
    ["production", "prod_"],
    ["client", "client_"],
  ])("%s keys begin with %s and work in the Authorization header", async (type, prefix) => {
    const made = await make({ name: `A ${type} key`, type, ...(type === "client" ? { allowed_origins: [app] } : {}) });
    expect(made.api_key).toMatch(new RegExp(`^${prefix}[0-9a-z]{12}_[0-9A-Za-z]{48}$`));
    expect(made.api_key).toContain(`${prefix}${made.public_id}_`);
    const status =
      type === "client" ? (await fetchFromPage(app, made.api_key, question)).status : await infer(made.api_key);
    expect(status).toBe(200);
  });
});

describe("the permission tree", () => {
  test("each permission can be given, and opens its own action and no other", async () => {
    const guarded = permissions.filter((name) => !name.startsWith("admin:"));
    let checked = 0;
    for (const held of guarded) {
      const { api_key: key, permissions: given } = await make({ permissions: [held] });
      expect(given).toEqual([held]);
      for (const asked of guarded) {
        expect([held, asked, await guard(asked, key)]).toEqual([held, asked, held === asked ? 204 : 403]);
        checked++;
      }
    }
    expect(checked).toBe(15 * 15);
  });

  test("a whole service, everything, and the deployment's own permissions", async () => {
    const vec = await make({ permissions: ["vec:*", "billing:*"] });
    for (const asked of ["vec:read", "vec:write", "vec:delete", "billing:read"])
      expect(await guard(asked, vec.api_key)).toBe(204);
    expect(await guard("kev:read", vec.api_key)).toBe(403);
    expect(await infer(vec.api_key)).toBe(403);
    const all = await make({ permissions: ["*"] });
    for (const asked of [...permissions, "billing:read"]) expect(await guard(asked, all.api_key)).toBe(204);
  });

  test("manage keys and view usage are apart", async () => {
    const keys = await make({ permissions: ["admin:keys"] });
    const usage = await make({ permissions: ["admin:usage"] });
    const status = async (path: string, key: string) => (await gateway.call("GET", path, key)).status;
    expect([await status("/admin/api-keys", keys.api_key), await status("/admin/usage", keys.api_key)]).toEqual([
      200, 403,
    ]);
    expect([await status("/admin/api-keys", usage.api_key), await status("/admin/usage", usage.api_key)]).toEqual([
      403, 200,
    ]);
  });

  test("an unknown permission is refused with the nearest and all that are allowed", async () => {
    for (const [method, path] of [
      ["POST", "/admin/api-keys"],
      ["PATCH", `/admin/api-keys/${(await make({})).public_id}`],
    ] as const) {
      const [status, message] = await findProblem(method, path, { permissions: ["vec:read", "ai:inferense"] });
      expect(status).toBe(422);
      expect(message).toMatch(
        /permissions\[1\]: there is no ai:inferense; did you mean ai:inference\? allowed: vec:read, .*billing:read/,
      );
    }
  });
});

describe("client keys", () => {
  test("are limited from the start: 100 requests a minute, short answers, no dangerous permission, origins", async () => {
    const made = await make({ type: "client", allowed_origins: [app] });
    expect([made.rate_limits, made.max_output_tokens]).toEqual([{ requests_per_minute: 100 }, 1_024]);
    const response = await fetchFromPage(app, made.api_key, { ...question, max_tokens: 50_000 });
    expect(response.headers.get("x-tollgate-max-output-tokens")).toBe("1024");
    for (const held of [
      "*",
      "admin:*",
      "admin:keys",
      "admin:usage",
      "vec:*",
      "vec:delete",
      "kev:delete",
      "files:*",
      "data:admin",
      "data:*",
      "keys:verify",
    ]) {
      const [status, message] = await findProblem("POST", "/admin/api-keys", {
        type: "client",
        allowed_origins: [app],
        permissions: [held],
      });
      expect([held, status]).toEqual([held, 422]);
      expect(message).toContain(`a client key cannot hold ${held}`);
    }
    expect((await findProblem("POST", "/admin/api-keys", { type: "client" }))[1]).toContain("allowed_origins");
    expect((await findProblem("PATCH", `/admin/api-keys/${made.public_id}`, { allowed_origins: [] }))[0]).toBe(422);
    expect((await findProblem("PATCH", `/admin/api-keys/${made.public_id}`, { permissions: ["vec:delete"] }))[0]).toBe(
      422,
    );
  });

  test("serve pages of their own domains and no others, streams and errors too", async () => {
    const { api_key: key, public_id } = await make({
      type: "client",
      allowed_origins: [app, "https://*.tenants.example"],
    });
    for (const origin of [app, "https://one.tenants.example"]) {
      const response = await fetchFromPage(origin, key, question);
      expect(response.status).toBe(200);
      expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
      const stream = await fetchFromPage(origin, key, { ...question, stream: true });
      expect(await stream.text()).toContain("data: [DONE]");
      expect((await fetchFromPage(origin, key, { ...question, model: "none" })).status).toBe(404);
    }
    for (const origin of ["https://evil.example", "http://app.shop.example", "https://tenants.example", "null"]) {
      await expect(fetchFromPage(origin, key, question)).rejects.toThrow("blocked by CORS policy (preflight 403)");
      const forced = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { origin, authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify(question),
      });
      expect([origin, forced.status, forced.headers.get("access-control-allow-origin")]).toEqual([origin, 403, null]);
    }
    // No page at all.
    expect(await infer(key)).toBe(403);
    // Another domain is another customer's: the preflight knows no key, the request does.
    const other = "https://other.example";
    await make({ type: "client", allowed_origins: [other] });
    await waitUntil(
      async () => {
        const blocked = await fetchFromPage(other, key, question).catch((error: Error) => error.message);
        return blocked === "blocked by CORS policy (answer 403)";
      },
      "the request is held to its own key",
      5_000,
    );

    // Usage per client address and domain.
    let rows: { origin: string | null; requests: number }[] = [];
    await waitUntil(async () => {
      const path = `/admin/usage?group_by=origin&public_id=${public_id}`;
      rows = ((await (await gateway.call("GET", path, admin)).json()) as { rows: typeof rows }).rows;
      return rows.reduce((sum, row) => sum + row.requests, 0) === 4;
    }, "usage by origin");
    // Refused pages are counted, without a name: anybody can send one.
    expect(
      rows
        .filter(({ requests }) => requests > 0)
        .map((row) => [row.origin, row.requests])
        .sort(),
    ).toEqual([
      [app, 2],
      ["https://one.tenants.example", 2],
    ]);
  });
});

describe("security", () => {
  test("IP allowlists hold, and a change is in force within a second", async () => {
    const { api_key: key, public_id } = await make({ allowed_ips: ["10.0.0.0/8", "2001:db8::/32"] });
    expect(await infer(key)).toBe(403);
    expect((await gateway.call("GET", "/v1/key", key)).status).toBe(403);
    expect(
      (await gateway.call("PATCH", `/admin/api-keys/${public_id}`, admin, { allowed_ips: ["127.0.0.0/8"] })).status,
    ).toBe(200);
    await waitUntil(async () => (await infer(key)) === 200, "allowed", 1_000);
    expect((await findProblem("POST", "/admin/api-keys", { allowed_ips: ["10.0.0.0/33"] }))[1]).toContain(
      "allowed_ips[0]",
    );
  });

  test("requests, bandwidth, errors and last use of a key; after its revocation each request is 401", async () => {
    const { api_key: key, public_id } = await make({ name: "Monitored", permissions: ["ai:inference", "vec:read"] });
    expect(await infer(key)).toBe(200);
    expect(await infer(key)).toBe(200);
    const readUsage = async () =>
      (
        (await (await gateway.call("GET", "/v1/usage?group_by=model", key)).json()) as {
          totals: Record<string, number | string>;
        }
      ).totals;
    await waitUntil(async () => (await readUsage()).requests === 2, "two requests in the key's own usage");
    const totals = await readUsage();
    expect(totals).toMatchObject({ errors: 0, error_rate: 0, last_used_at: expect.any(String) });
    expect(Number(totals.bytes_in)).toBe(2 * JSON.stringify(question).length);
    expect(Number(totals.bytes_out)).toBeGreaterThan(100);
    const own = (await (await gateway.call("GET", "/v1/key", key)).json()) as {
      public_id: string;
      usage: { day: { requests: number } };
    };
    expect([own.public_id, own.usage.day.requests]).toEqual([public_id, 2]);

    const verify = async () =>
      (await (await gateway.call("POST", "/v1/keys/verify", admin, { key, permissions: ["vec:read"] })).json()) as {
        code: string;
      };
    expect((await verify()).code).toBe("VALID");
    expect((await gateway.call("DELETE", `/admin/api-keys/${public_id}`, admin)).status).toBe(204);
    await waitUntil(async () => (await infer(key)) === 401, "401", 1_000);
    for (const [method, path] of [
      ["GET", "/v1/models"],
      ["GET", "/v1/key"],
      ["GET", "/v1/usage"],
      ["POST", "/v1/embeddings"],
      ["GET", "/v1/keys/forward-auth?permission=vec:read"],
      ["GET", "/admin/api-keys"],
    ] as const) {
      const response = await gateway.call(method, path, key, method === "POST" ? question : undefined);
      expect([path, response.status]).toEqual([path, 401]);
    }
    expect((await verify()).code).toBe("REVOKED");
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { appRouter } from "../../../server/admin/router.ts";
import { findProcedureMeta } from "../../../server/admin/trpc.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { type Browser, openUsersGateway, signIn, signUp } from "../../support/users-harness.ts";

/** Every change that a session can make, as another site could have a browser send it. The list comes from the router. */

const origin = "https://gate.example.com";
let gateway: GatewayProcess;
let admin: Browser;
beforeAll(async () => {
  gateway = await openUsersGateway(`base_url = "${origin}"\nsign_up = "open"`);
  const { id, email } = await signUp(gateway.url, origin);
  const raised = await gateway.call("PATCH", `/admin/users/${id}`, gateway.adminKey, { role: "admin" });
  if (raised.status !== 200) throw new Error("nobody became an admin");
  admin = await signIn(gateway.url, email, origin);
});
afterAll(() => gateway.close());

interface Change {
  method: string;
  path: string;
}

const mutations = Object.entries(appRouter._def.procedures as object).flatMap(([name, { _def }]) =>
  (_def as { type: string }).type === "mutation" ? [name] : [],
);
const changes: Change[] = [
  ...mutations.map((name) => ({ method: "POST", path: `/trpc/${name}` })),
  ...mutations.map((name) => ({ method: "POST", path: `/trpc/${name}?batch=1` })),
  ...mutations.flatMap((name) => {
    const openapi = findProcedureMeta(appRouter, name)?.openapi;
    if (openapi === undefined) return [];
    return [{ method: openapi.method, path: `/admin${openapi.path.replace(/\{[a-z_]+\}/g, "0".repeat(12))}` }];
  }),
];
const authChanges: Change[] = [
  "sign-out",
  "change-password",
  "update-user",
  "revoke-session",
  "revoke-sessions",
  "sign-in/email",
  "sign-up/email",
].map((path) => ({ method: "POST", path: `/api/auth/${path}` }));

const variants: Record<string, Record<string, string | null>> = {
  "a foreign origin": { origin: "https://evil.example" },
  "no origin": { origin: null },
  "an opaque origin": { origin: "null" },
  "text/plain": { origin: "https://evil.example", "content-type": "text/plain" },
  "text/plain of our own": { "content-type": "text/plain" },
  "a form": { origin: "https://evil.example", "content-type": "application/x-www-form-urlencoded" },
  "a form of our own": { "content-type": "application/x-www-form-urlencoded" },
  "a multipart form of our own": { "content-type": "multipart/form-data; boundary=x" },
  "no header": { origin: null, "content-type": null },
  "a sibling subdomain": { origin: "https://other.example.com" },
  "a subdomain": { origin: "https://x.gate.example.com" },
  "another port": { origin: `${origin}:8443` },
  "another scheme": { origin: "http://gate.example.com" },
  "a longer name": { origin: `${origin}.evil.example` },
};

async function countRows(): Promise<unknown> {
  const [row] = await gateway.database.database.sql`
    select (select count(*) from api_key)::int as keys, (select count(*) from app_user)::int as users,
      (select count(*) from app_session)::int as sessions, (select coalesce(max(seq), 0) from audit_entry)::int as changes`;
  return row;
}

test("no change is accepted that does not come from our own pages", async () => {
  const before = await countRows();
  let refused = 0;
  for (const { method, path } of [...changes, ...authChanges]) {
    for (const [variant, headers] of Object.entries(variants)) {
      const answer = await admin.send(method, path, method === "DELETE" ? undefined : {}, headers);
      expect([method, path, variant, answer.status]).toEqual([method, path, variant, expect.toSatisfy(isRefusal)]);
      expect(answer.text).toMatch(/origin_not_allowed|unsupported_media_type/);
      refused++;
    }
    // A link or an image.
    const got = await admin.send("GET", path);
    // Of REST, the same path may be a question.
    expect([path, got.status >= 400 || path.startsWith("/admin")]).toEqual([path, true]);
    refused++;
  }
  expect(await countRows()).toEqual(before);
  console.info(
    `${mutations.length} procedures, ${changes.length + authChanges.length} calls: ${refused} forged requests, 0 accepted`,
  );
  expect(mutations.length).toBeGreaterThanOrEqual(12);
  expect(refused).toBe((changes.length + authChanges.length) * (Object.keys(variants).length + 1));
});

function isRefusal(status: unknown): boolean {
  return status === 403 || status === 415;
}

test("the same changes from our own pages reach the procedures", async () => {
  const reached: string[] = [];
  for (const { method, path } of changes) {
    if (path.includes("batch")) continue;
    const answer = await admin.send(method, path, method === "DELETE" ? undefined : { nonsense: true });
    if (!/origin_not_allowed|unsupported_media_type/.test(answer.text)) reached.push(path);
  }
  expect(reached).toEqual(changes.map(({ path }) => path).filter((path) => !path.includes("batch")));
});

test("a key needs no origin: no browser sends it by itself", async () => {
  const made = await gateway.call("POST", "/admin/api-keys", gateway.adminKey, {});
  expect(made.status).toBe(201);
});

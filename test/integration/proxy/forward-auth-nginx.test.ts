import { get } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGuardedServer } from "../../support/guarded-server.ts";
import { hasNginx, type NginxServer, openNginx } from "../../support/nginx-server.ts";
import { recordSkip } from "../../support/skip-ledger.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

if (!hasNginx()) recordSkip("nginx", "no nginx on PATH");
let gateway: TestGateway;
let guarded: Awaited<ReturnType<typeof openGuardedServer>>;
let nginx: NginxServer;

/** The configuration of docs/key-authority.md, with the addresses of this test. */
function makeBlocks(gatewayUrl: string, guardedUrl: string): { http: string; server: string } {
  const guard = (service: string): string => `
    location /cloud/${service}/ {
      auth_request /_tollgate/${service};
      auth_request_set $key_id $upstream_http_x_tollgate_public_id;
      auth_request_set $owner $upstream_http_x_tollgate_owner_id;
      auth_request_set $tags $upstream_http_x_tollgate_tags;
      proxy_set_header X-Tollgate-Public-Id $key_id;
      proxy_set_header X-Tollgate-Owner-Id $owner;
      proxy_set_header X-Tollgate-Tags $tags;
      proxy_set_header Authorization "";
      proxy_pass ${guardedUrl};
    }
    location = /_tollgate/${service} {
      internal;
      proxy_pass ${gatewayUrl}/v1/keys/forward-auth?permission=${service}:$tollgate_action;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Forwarded "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }`;
  const http = `map $request_method $tollgate_action {
    default write;
    GET read;
    HEAD read;
    DELETE delete;
  }`;
  return { http, server: guard("vec") + guard("kev") };
}

beforeAll(async () => {
  if (!hasNginx()) return;
  gateway = await openTestGateway({ config: '[gateway]\ntrusted_proxies = ["127.0.0.1"]\n' });
  guarded = await openGuardedServer();
  nginx = await openNginx(makeBlocks(gateway.url, guarded.url));
});
afterAll(async () => {
  await nginx?.stop();
  await guarded?.close();
  await gateway?.close();
});

const methods = { read: "GET", write: "POST", delete: "DELETE" } as const;
type Action = keyof typeof methods;

async function send(service: string, action: Action, key: string | null, headers: Record<string, string> = {}) {
  const response = await fetch(`${nginx.url}/cloud/${service}/things?x=1&permission=${service}:read`, {
    method: methods[action],
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
    ...(action === "write" ? { body: '{"a":"thing"}' } : {}),
  });
  await response.text();
  return response.status;
}

describe.skipIf(!hasNginx())("nginx auth_request before a vector database and a key-value store", () => {
  it("each action of each service passes with its own permission and no other", async () => {
    let sent = 0;
    for (const held of ["vec:read", "vec:write", "vec:delete", "kev:read", "kev:write", "kev:delete", "vec:*", "*"]) {
      const { text } = await gateway.makeKey({ permissions: [held] });
      for (const service of ["vec", "kev"]) {
        for (const action of ["read", "write", "delete"] as const) {
          const isGranted = held === "*" || held === `${service}:*` || held === `${service}:${action}`;
          const before = guarded.requests.length;
          const status = await send(service, action, text);
          expect([held, service, action, status]).toEqual([held, service, action, isGranted ? 200 : 403]);
          expect(guarded.requests.length - before).toBe(isGranted ? 1 : 0);
          sent++;
        }
      }
    }
    expect(sent).toBe(48);
  });

  it("the guarded server is told who it is, and never sees the key nor what a client claims to be", async () => {
    const { text, publicId } = await gateway.makeKey({
      permissions: ["vec:write"],
      ownerId: "acme",
      tags: { customer: "Zürich", tier: "gold" },
    });
    const claims = { "x-tollgate-public-id": "000000000000", "x-tollgate-owner-id": "admin", "x-tollgate-tags": "a=b" };
    expect(await send("vec", "write", text, claims)).toBe(200);
    const request = guarded.requests.at(-1);
    expect(request).toMatchObject({
      method: "POST",
      path: "/cloud/vec/things?x=1&permission=vec:read",
      body: '{"a":"thing"}',
      headers: {
        "x-tollgate-public-id": publicId,
        "x-tollgate-owner-id": "acme",
        "x-tollgate-tags": "customer=Z%C3%BCrich,tier=gold",
      },
    });
    expect(JSON.stringify(request)).not.toContain(text);
    const bare = await gateway.makeKey({ permissions: ["vec:*"] });
    expect(await send("vec", "read", bare.text, claims)).toBe(200);
    const headers = guarded.requests.at(-1)?.headers;
    expect(headers).toBeDefined();
    expect([headers?.["x-tollgate-owner-id"], headers?.["x-tollgate-tags"]]).toEqual([undefined, undefined]);
  });

  it("no key, an unknown one and a revoked one: 401; revoked while in use, within a second", async () => {
    const before = guarded.requests.length;
    expect(await send("vec", "read", null)).toBe(401);
    expect(await send("vec", "read", "dev_000000000000_x")).toBe(401);
    const { text, publicId } = await gateway.makeKey({ permissions: ["vec:read"] });
    expect(guarded.requests.length).toBe(before);
    expect(await send("vec", "read", text)).toBe(200);
    await gateway.database.database.sql`update api_key set state = 'revoked' where public_id = ${publicId}`;
    await waitUntil(async () => (await send("vec", "read", text)) === 401, "401", 1_000);
  });

  it("a key that is bound to networks is held to the client's address, which the client cannot choose", async () => {
    const far = await gateway.makeKey({ permissions: ["vec:read"], allowedIps: ["8.8.8.0/24", "127.0.0.1"] });
    const near = await gateway.makeKey({ permissions: ["vec:read"], allowedIps: ["127.0.0.2"] });
    const spoofed: Record<string, string>[] = [
      {},
      { "x-forwarded-for": "8.8.8.8" },
      { "x-forwarded-for": "127.0.0.1" },
      { forwarded: "for=8.8.8.8" },
      { "x-real-ip": "8.8.8.8" },
    ];
    for (const headers of spoofed) {
      expect([headers, await sendFrom("127.0.0.2", near.text, headers)]).toEqual([headers, 200]);
      expect([headers, await sendFrom("127.0.0.2", far.text, headers)]).toEqual([headers, 403]);
    }
  });
});

/** A read by a client of another address than nginx. */
function sendFrom(localAddress: string, key: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = get(
      `${nginx.url}/cloud/vec/things`,
      { localAddress, agent: false, headers: { authorization: `Bearer ${key}`, ...headers } },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
      },
    );
    call.once("error", reject);
  });
}

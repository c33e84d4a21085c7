import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAdminRouter } from "../../server/admin/admin-router.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";

let admin: AdminHarness;
let server: Server;
let url: string;
let lines: string[] = [];
let isBroken = false;

/** The admin surface on a clock that fails, behind a judge that fails when told to. */
beforeAll(async () => {
  admin = await openAdminHarness();
  const { caller: _caller, origin: _origin, ...shared } = admin.context;
  const logger = openLogger({ ...shared.config.log, level: "error" }, { write: (line) => lines.push(line) });
  const key = await admin.makeKey({ permissions: ["*"] });
  const fail = (): never => {
    throw new Error("planted: postgres://user:hunter2@db.internal");
  };
  const app = express();
  app.use(
    makeAdminRouter({
      ...shared,
      clock: { ...shared.clock, nowMs: fail },
      logger,
      version: "0",
      noticeRefusal: () => undefined,
      authenticate: () => {
        if (isBroken) fail();
        const permissions = ["*"];
        const caller = { publicId: key.id, ownerId: null, permissions, expiresAt: null };
        return Promise.resolve({ ok: true, key: caller as never });
      },
    }),
  );
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await admin.close();
});

it.each([
  ["in a procedure", "/admin/usage?from=2026-01-01", false],
  ["in a procedure", "/trpc/usage.query?input={}", false],
  ["before a procedure", "/admin/usage", true],
  ["before a procedure", "/trpc/usage.query?input={}", true],
])("500 %s: %s is logged once, with the id that the answer has, and tells nothing", async (_where, path, breaks) => {
  lines = [];
  isBroken = breaks;
  const response = await fetch(url + path, { headers: { authorization: "Bearer x" } });
  const text = await response.text();
  expect([response.status, text]).toEqual([500, expect.stringContaining("internal_error")]);
  expect(text).not.toMatch(/planted|hunter2|stack/);
  expect(lines).toHaveLength(1);
  const logged: unknown = JSON.parse(lines[0] ?? "");
  const requestId = response.headers.get("x-request-id");
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(logged).toMatchObject({ requestId, err: { message: expect.stringContaining("planted") } });
});

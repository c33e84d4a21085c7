import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleUnknownRoute } from "../../server/http/error-handler.ts";
import { makeDashboardRouter } from "../../server/http/static.ts";

const folder = mkdtempSync(join(tmpdir(), "tollgate-web-"));
const script = "export const answer = 42;\n".repeat(200);
let url: string;
let close: () => void;

beforeAll(async () => {
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>Tollgate</title>");
  writeFileSync(join(folder, "assets/index-abc.js"), script);
  const app = express();
  app.use("/none", makeDashboardRouter(join(folder, "missing")));
  app.use(makeDashboardRouter(folder));
  app.use(handleUnknownRoute);
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => server.close();
});
afterAll(() => {
  close();
  rmSync(folder, { recursive: true });
});

test("200: the page at each of its own addresses, never kept, under a policy without exceptions", async () => {
  for (const path of [
    "/",
    "/api-keys",
    "/api-keys/4f9k2m7q1xvc",
    "/sign-in?next=/usage",
    "/manage/users",
    "/account",
  ]) {
    const answer = await fetch(url + path);
    expect([path, answer.status, await answer.text()]).toEqual([path, 200, expect.stringContaining("Tollgate")]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
  }
});

test("200: a part is kept for a year, packed for those who take it, and has no body for HEAD", async () => {
  const packed = await fetch(`${url}/assets/index-abc.js`, { headers: { "accept-encoding": "gzip" } });
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  expect(packed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(packed.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(await packed.text()).toBe(script);
  const plain = await fetch(`${url}/assets/index-abc.js`, { headers: { "accept-encoding": "identity" } });
  expect([plain.headers.get("content-encoding"), await plain.text()]).toEqual([null, script]);
  const head = await fetch(`${url}/assets/index-abc.js`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("404: everything else stays what it was: other paths, other methods, other spellings, no build", async () => {
  for (const [method, path] of [
    ["GET", "/v1/nothing"],
    ["GET", "/admin/nothing"],
    ["GET", "/index.html"],
    ["GET", "/assets/missing.js"],
    ["GET", "/assets/../index.html/"],
    ["GET", "/assets/%2e%2e/%2e%2e/package.json"],
    ["GET", "/API-KEYS"],
    ["GET", "/api-keys/"],
    ["POST", "/"],
    ["POST", "/api-keys"],
    ["GET", "/none/"],
  ] as const) {
    const answer = await fetch(url + path, { method });
    const body = (await answer.json()) as { error: { code: string } };
    expect([method, path, answer.status, body.error.code]).toEqual([method, path, 404, "not_found"]);
  }
});

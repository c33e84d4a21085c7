import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { makeBrowser, openUsersGateway, signIn, signUp, testPassword } from "../../support/users-harness.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openUsersGateway();
});
afterAll(() => gateway.close());

test("signing up opens a session, whose cookie is for this host and no script", async () => {
  const browser = await signUp(gateway.url);
  expect(browser.setCookies).toHaveLength(1);
  const [line = ""] = browser.setCookies;
  const [pair = "", ...attributes] = line.split("; ");
  expect(pair).toMatch(/^tollgate\.session_token=/);
  expect(attributes.sort()).toEqual(["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax"]);
  const list = await browser.send("GET", "/admin/api-keys");
  expect(list.status).toBe(200);
  expect(list.body).toEqual({ api_keys: [], next_cursor: null });
});

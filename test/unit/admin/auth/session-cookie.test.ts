import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { makeSessionKey, parseCookie, parseSessionToken } from "../../../../server/admin/auth/session-cookie.ts";
import { Secret } from "../../../../server/core/secret.ts";

test("a cookie is found by its whole name, the first one where there are two", () => {
  expect(parseCookie(undefined, "a")).toBeNull();
  expect(parseCookie("b=1; xa=2;a =3; a=4", "a")).toBe("3");
  expect(parseCookie("a=x=y", "a")).toBe("x=y");
  expect(parseCookie("a; b", "a")).toBeNull();
});

test("a token is read under the right signature only", () => {
  const key = "k".repeat(64);
  const sign = (token: string, by = key): string =>
    encodeURIComponent(`${token}.${createHmac("sha256", by).update(token).digest("base64")}`);
  expect(parseSessionToken(sign("token"), key)).toBe("token");
  expect(parseSessionToken(sign("token", "other"), key)).toBeNull();
  for (const text of ["", "token", "token.", ".x", "%E0%A4%A", sign("token").slice(0, -4), sign("x".repeat(600))]) {
    expect([text.slice(0, 20), parseSessionToken(text, key)]).toEqual([text.slice(0, 20), null]);
  }
});

test("the key of cookies is not the session secret itself", () => {
  const secret = "a session secret of more than 32 bytes";
  const key = makeSessionKey(new Secret(secret));
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(key).toBe(makeSessionKey(new Secret(secret)));
  expect(key).not.toBe(makeSessionKey(new Secret(`${secret}!`)));
});

import { beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { type GoogleTokens, openGoogleTokens } from "../../../server/providers/google-tokens.ts";
import { type GoogleTokenEndpoint, openGoogleTokenEndpoint } from "../../support/google-token-endpoint.ts";

let endpoint: GoogleTokenEndpoint;
let tokens: GoogleTokens;
let aheadMs = 0;

beforeEach(() => {
  aheadMs = 0;
  endpoint = openGoogleTokenEndpoint();
  const system = openClock();
  const clock = { ...system, nowMs: () => system.nowMs() + aheadMs };
  tokens = openGoogleTokens({ clock, fetch: (input, init) => endpoint.fetch(input, init) });
});

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe("access tokens", () => {
  test("are asked for with an assertion that the account's key signed, and kept", async () => {
    const credential = new Secret(endpoint.account);
    expect(await tokens.find(credential)).toBe("ya29.token-1");
    expect(await tokens.find(new Secret(endpoint.account))).toBe("ya29.token-1");
    expect([endpoint.fault, endpoint.tokens.length]).toEqual([null, 1]);
  });

  test("are asked for once by many", async () => {
    const credential = new Secret(endpoint.account);
    const found = await Promise.all(Array.from({ length: 20 }, () => tokens.find(credential)));
    expect(new Set(found).size).toBe(1);
    expect(endpoint.tokens.length).toBe(1);
  });

  test("are renewed ahead, while the old one still serves", async () => {
    const credential = new Secret(endpoint.account);
    await tokens.find(credential);
    aheadMs = 56 * 60_000;
    expect(await tokens.find(credential)).toBe("ya29.token-1");
    for (let tries = 0; tries < 100 && endpoint.tokens.length < 2; tries++) await turn();
    await turn();
    expect(await tokens.find(credential)).toBe("ya29.token-2");
  });

  test("that are at their end are waited for", async () => {
    const credential = new Secret(endpoint.account);
    await tokens.find(credential);
    aheadMs = 60 * 60_000;
    expect(await tokens.find(credential)).toBe("ya29.token-2");
  });

  test("still serve when they cannot be renewed, and the failure is told at the end", async () => {
    const credential = new Secret(endpoint.account);
    await tokens.find(credential);
    endpoint.failWithStatus = 400;
    aheadMs = 56 * 60_000;
    expect(await tokens.find(credential)).toBe("ya29.token-1");
    await turn();
    aheadMs = 61 * 60_000;
    await expect(tokens.find(credential)).rejects.toThrow(/unavailable|400/);
    endpoint.failWithStatus = 0;
    expect(await tokens.find(credential)).toBe("ya29.token-2");
  });

  test("of an account with another key are refused", async () => {
    const other = openGoogleTokenEndpoint("test-project", "stranger");
    await expect(tokens.find(new Secret(other.account))).rejects.toThrow(/a wrong signature/);
  });

  test("are never asked for at an address that the account's JSON names", async () => {
    expect(JSON.parse(endpoint.account)).toMatchObject({ token_uri: "https://elsewhere.example/token" });
    expect(await tokens.find(new Secret(endpoint.account))).toBe("ya29.token-1");
  });
});

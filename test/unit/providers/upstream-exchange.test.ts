import { describe, expect, test } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import { openUpstream } from "../../../server/providers/upstream.ts";
import { ExchangeError, UpstreamExchange } from "../../../server/providers/upstream-exchange.ts";
import { openByteUpstream } from "../../support/byte-upstream.ts";
import { makeTarget } from "../../support/scripted-request.ts";

const post = {
  method: "POST",
  body: "{}",
  headers: { authorization: "Bearer of-the-sdk", "x-api-key": "sdk", cookie: "c" },
};

describe("what an SDK may ask for", () => {
  test("is one call of the provider's own origin, with our credential and none of its own", async () => {
    const seen: string[] = [];
    const byte = await openByteUpstream((_, path) => {
      seen.push(path);
      return { headers: { "content-type": "application/json" }, pieces: [Buffer.from('{"ok":true}')] };
    });
    const upstream = openUpstream({ clock: openClock() });
    let sent = new Headers();
    const target = makeTarget(byte.url, { type: "anthropic" });
    const exchange = new UpstreamExchange(
      upstream,
      target,
      { requestId: "r", stream: false },
      async (_, path, headers) => {
        sent = headers;
        expect(path).toBe("/v1/messages?a=b");
      },
    );
    const answer = await exchange.fetch(`${byte.url}/v1/messages?a=b`, post);
    expect(await answer.json()).toEqual({ ok: true });
    expect([sent.get("authorization"), sent.get("x-api-key"), sent.get("user-agent")]).toEqual([
      null,
      null,
      "tollgate",
    ]);
    await expect(exchange.fetch(`${byte.url}/v1/messages`, post)).rejects.toThrow(/asks twice/);
    expect(seen).toEqual(["/v1/messages?a=b"]);
    await upstream.close();
    await byte.close();
  });

  test.each([
    ["another host", "http://169.254.169.254/latest/meta-data", post],
    ["another port", "http://127.0.0.1:2/v1/messages", post],
    ["something to read", "http://127.0.0.1:1/v1/models", { method: "GET" }],
  ])("is not %s", async (_, url, init) => {
    const upstream = openUpstream({ clock: openClock() });
    const target = makeTarget("http://127.0.0.1:1", { type: "anthropic" });
    const exchange = new UpstreamExchange(upstream, target, { requestId: "r", stream: false }, async () => {});
    await expect(exchange.fetch(url, init)).rejects.toThrow(/an SDK asks for/);
    await upstream.close();
  });

  test("is nothing once the call was ended, though a credential was still on its way", async () => {
    const upstream = openUpstream({ clock: openClock() });
    const target = makeTarget("http://127.0.0.1:1", { type: "anthropic" });
    const exchange = new UpstreamExchange(upstream, target, { requestId: "r", stream: false }, async () =>
      exchange.abort(),
    );
    await expect(exchange.fetch("http://127.0.0.1:1/v1/messages", post)).rejects.toThrow(ExchangeError);
    expect(exchange.failure?.kind).toBe("aborted");
    await upstream.close();
  });
});

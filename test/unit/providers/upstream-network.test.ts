import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import type { Provider, UpstreamCall } from "../../../server/providers/types.ts";
import { openUpstream } from "../../../server/providers/upstream.ts";
import { makeChat, makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let provider: Provider;

beforeEach(async () => {
  upstream = await openScriptedUpstream();
  provider = openUpstream({ clock: openClock() });
});
afterEach(async () => {
  await provider.close();
  await upstream.close();
});

describe("an answer", () => {
  it("passes a JSON body byte for byte", async () => {
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m"), sink);
    expect((await sink.ended).end).toBe("end");
    expect(sink.status).toBe(200);
    const body = JSON.parse(sink.text());
    expect(body.object).toBe("chat.completion");
    expect(sink.headers["content-length"]).toBe(String(Buffer.byteLength(sink.text())));
    expect(upstream.log[0]).toMatchObject({ end: "served", completionTokens: body.usage.completion_tokens });
  });

  it("passes a stream to its [DONE]", async () => {
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m+rate-200", { stream: true }), sink);
    expect((await sink.ended).end).toBe("end");
    expect(sink.headers["content-type"]).toContain("text/event-stream");
    expect(sink.text().endsWith("data: [DONE]\n\n")).toBe(true);
    expect(sink.calls.slice(0, 2)).toEqual(["head", "data"]);
    expect(sink.chunks.length).toBeGreaterThan(3);
  });

  it("goes to the endpoint's path below the base path", async () => {
    for (const endpoint of ["chat_completions", "completions", "embeddings"] as const) {
      const sink = makeScriptedSink();
      const request = makeRequest({ model: "m", prompt: "a", input: "a", messages: [] }, endpoint);
      provider.send(makeTarget(upstream.url, { basePath: "/some/base" }), request, sink);
      expect((await sink.ended).end).toBe("end");
    }
    const paths = upstream.log.map((call) => call.path);
    expect(paths).toEqual(["/some/base/chat/completions", "/some/base/completions", "/some/base/embeddings"]);
  });

  it("may be an error with a status: that is a head like any other", async () => {
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m+status-429+retry-7"), sink);
    expect((await sink.ended).end).toBe("end");
    expect(sink.status).toBe(429);
    expect(sink.headers["retry-after"]).toBe("7");
  });

  it("reuses connections: calls in turn take two at most", async () => {
    for (let i = 0; i < 6; i++) {
      const sink = makeScriptedSink();
      provider.send(makeTarget(upstream.url), makeChat("m"), sink);
      await sink.ended;
    }
    // The next call is sent from within the end of the one before, when that connection is not yet free.
    expect(new Set(upstream.log.map((call) => call.connection)).size).toBeLessThanOrEqual(2);
    expect(upstream.log.length).toBe(6);
  });
});

describe("the request's headers", () => {
  const sent = async (target: ReturnType<typeof makeTarget>, stream: boolean): Promise<Record<string, string>> => {
    const sink = makeScriptedSink();
    provider.send(target, makeChat("m", stream ? { stream } : {}), sink);
    await sink.ended;
    const raw = upstream.log.at(-1)?.rawHeaders ?? [];
    const pairs = Array.from({ length: raw.length / 2 }, (_, i) => [raw[i * 2] ?? "", raw[i * 2 + 1] ?? ""] as const);
    expect(new Set(pairs.map(([name]) => name.toLowerCase())).size).toBe(pairs.length);
    return Object.fromEntries(pairs);
  };

  it("are exactly the allow-list", async () => {
    const target = makeTarget(upstream.url, { credential: new Secret("sk-provider-secret") });
    const expected = {
      host: `127.0.0.1:${upstream.port}`,
      connection: "keep-alive",
      "content-type": "application/json",
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "tollgate",
      "x-client-request-id": "018f0000-0000-7000-8000-000000000001",
      authorization: "Bearer sk-provider-secret",
      "content-length": String(makeChat("m").body.length),
    };
    expect(await sent(target, false)).toEqual(expected);
    expect(upstream.log[0]?.requestId).toBe("018f0000-0000-7000-8000-000000000001");
  });

  it("ask for events when the request streams, and carry no authorization without a credential", async () => {
    const headers = await sent(makeTarget(upstream.url), true);
    expect(headers.accept).toBe("text/event-stream");
    expect(Object.keys(headers)).not.toContain("authorization");
  });

  it("refuse a credential that would break the header, without telling it", async () => {
    const sink = makeScriptedSink();
    const target = makeTarget(upstream.url, { credential: new Secret("sk-broken\r\nx-evil: 1") });
    provider.send(target, makeChat("m"), sink);
    expect(sink.calls).toEqual([]);
    expect((await sink.ended).end).toBe("connect");
    expect(sink.failure?.message).not.toContain("sk-broken");
    expect(upstream.log).toEqual([]);
  });
});

describe("what must not be followed or unpacked", () => {
  it("hands a redirect over as it is", async () => {
    const trap = createServer((_request, response) => response.end("trapped"));
    let trapped = 0;
    trap.on("connection", () => trapped++);
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    upstream.script({ redirectTo: `http://127.0.0.1:${(trap.address() as AddressInfo).port}/` });
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url, { credential: new Secret("sk-1") }), makeChat("m"), sink);
    await sink.ended;
    trap.close();
    expect(sink.status).toBe(307);
    expect(trapped).toBe(0);
  });

  it.each(["gzip", "stacked", "headers", "garbage"])(
    "ends a %s answer as a protocol failure before its head",
    async (bomb) => {
      const sink = makeScriptedSink();
      provider.send(makeTarget(upstream.url), makeChat(`m+${bomb}`), sink);
      expect((await sink.ended).end).toBe("protocol");
      expect(sink.calls).toEqual(["failure"]);
    },
  );

  it("ends an endless answer at the size limit, with bounded memory", async () => {
    const small = openUpstream({ clock: openClock(), answerBytesMax: 1_000_000 });
    const sink = makeScriptedSink();
    small.send(makeTarget(upstream.url), makeChat("m+huge"), sink);
    expect((await sink.ended).end).toBe("protocol");
    expect(Buffer.concat(sink.chunks).length).toBeLessThanOrEqual(1_000_000);
    await small.close();
  });
});

describe("backpressure", () => {
  it("stops reading while paused: the upstream can send no more than the sockets hold", async () => {
    let received = 0;
    let call: UpstreamCall | null = null;
    const sink = makeScriptedSink({
      onData(chunk) {
        received += chunk.length;
        sink.chunks.length = 0;
        if (received < 1_000_000) return;
        call?.pause();
      },
    });
    const target = makeTarget(upstream.url, {
      timeouts: { connectMs: 5_000, firstByteMs: 200, idleMs: 200, totalMs: 60_000 },
    });
    call = provider.send(target, makeChat("m+huge"), sink);

    // Settled: the same figure over six looks, longer than the idle time-out, which a pause must suspend.
    let sent = -1;
    let same = 0;
    await vi.waitFor(
      () => {
        const now = upstream.log[0]?.bytesOut ?? 0;
        same = now === sent && now > 0 ? same + 1 : 0;
        sent = now;
        expect(same).toBeGreaterThan(6);
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(sink.failure).toBeNull();
    // One piece that was being parsed may still come; the rest is the kernel's buffers.
    expect(received).toBeLessThan(1_000_000 + 256 * 1024);
    expect(sent - received).toBeLessThan(16 * 1024 * 1024);

    call.resume();
    await vi.waitFor(() => expect(received).toBeGreaterThanOrEqual(1_000_000));
    call.abort();
    await vi.waitFor(() => expect(upstream.log[0]?.end).toBe("left"));
  });

  it("gives every byte once to a sink that pauses at each chunk", async () => {
    const whole = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m+tokens-3000", { stream: true }), whole);
    await whole.ended;
    let call: UpstreamCall | null = null;
    const sink = makeScriptedSink({
      onHead() {
        call?.pause();
        setImmediate(() => call?.resume());
      },
      onData() {
        call?.pause();
        setImmediate(() => call?.resume());
      },
    });
    call = provider.send(makeTarget(upstream.url), makeChat("m+tokens-3000", { stream: true }), sink);
    call.pause();
    setImmediate(() => call?.resume());
    expect((await sink.ended).end).toBe("end");
    expect(sink.text()).toBe(whole.text());
  });
});

describe("abort", () => {
  it("in mid-stream frees that connection and no other, and nothing is called after it", async () => {
    const target = makeTarget(upstream.url);
    const other = makeScriptedSink();
    provider.send(target, makeChat("m+rate-20+tokens-20", { stream: true }), other);
    let call: UpstreamCall | null = null;
    const sink = makeScriptedSink({ onData: () => call?.abort() });
    call = provider.send(target, makeChat("m+rate-20", { stream: true }), sink);
    await vi.waitFor(() => expect(upstream.log[1]?.end).toBe("left"));
    await vi.waitFor(async () => expect(await upstream.countConnections()).toBe(1));
    call.abort();
    expect((await other.ended).end).toBe("end");
    expect(sink.calls).toEqual(["head", "data"]);
  });

  it("before a connection was free skips the request and keeps the connection", async () => {
    const one = openUpstream({ clock: openClock(), connectionsPerOriginMax: 1 });
    const target = makeTarget(upstream.url);
    const first = makeScriptedSink();
    one.send(target, makeChat("m+slow-100"), first);
    const skipped = makeScriptedSink();
    one.send(target, makeChat("skipped"), skipped).abort();
    const last = makeScriptedSink();
    one.send(target, makeChat("last"), last);
    expect((await last.ended).end).toBe("end");
    expect(skipped.calls).toEqual([]);
    expect(upstream.log.map(({ model, connection }) => [model, connection])).toEqual([
      ["m+slow-100", 1],
      ["last", 1],
    ]);
    await one.close();
  });

  it("by close ends what runs as aborted", async () => {
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m+stall-40", { stream: true }), sink);
    await vi.waitFor(() => expect(sink.calls).toContain("data"));
    await provider.close();
    expect((await sink.ended).end).toBe("aborted");
    const late = makeScriptedSink();
    provider.send(makeTarget(upstream.url), makeChat("m"), late);
    expect((await late.ended).end).toBe("aborted");
  });
});

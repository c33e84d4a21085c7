import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import type { Provider, ProviderTimeouts, UpstreamFailureKind } from "../../../server/providers/types.ts";
import { openUpstream } from "../../../server/providers/upstream.ts";
import { openFaultProxy } from "../../support/fault-proxy.ts";
import { makeChat, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";

const patient: ProviderTimeouts = { connectMs: 5_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
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

/** A time-out of 400 ms must come in 400 to 440 ms. The machine may be busy: the best of three counts, none early. */
async function expectTimeout(
  timeouts: ProviderTimeouts,
  model: string,
  kind: UpstreamFailureKind,
  more: { stream?: boolean; afterMs?: number; origin?: string } = {},
): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  const wanted = more.afterMs ?? 400;
  for (let round = 0; round < 3 && best > wanted * 1.1; round++) {
    const sink = makeScriptedSink();
    const target = makeTarget(more.origin ?? upstream.url, { timeouts });
    provider.send(target, makeChat(model, { stream: more.stream ?? true }), sink);
    const { end, afterMs } = await sink.ended;
    expect(end).toBe(kind);
    expect(afterMs).toBeGreaterThanOrEqual(wanted - 1);
    best = Math.min(best, afterMs);
  }
  expect(best).toBeLessThanOrEqual(wanted * 1.1);
}

describe("time-outs, each within 10 % and never early", () => {
  it("first byte: no head", async () => {
    await expectTimeout({ ...patient, firstByteMs: 400 }, "m+stall-0", "timeout_first_byte");
  });

  it("first byte: a head and no body", async () => {
    await expectTimeout({ ...patient, firstByteMs: 400 }, "m+headed", "timeout_first_byte", {
      origin: await openHeadOnly(),
    });
  });

  it("idle: silence after some bytes", async () => {
    await expectTimeout({ ...patient, idleMs: 400 }, "m+stall-100", "timeout_idle");
  });

  it("total: an answer that dribbles on", async () => {
    await expectTimeout({ ...patient, idleMs: 300, totalMs: 400 }, "m+bytes-40", "timeout_total");
  });

  it("connect: no connection is free", async () => {
    await provider.close();
    provider = openUpstream({ clock: openClock(), connectionsPerOriginMax: 1 });
    const timeouts = { ...patient, connectMs: 400 };
    const target = makeTarget(upstream.url, { timeouts });
    const first = makeScriptedSink();
    const holder = provider.send(target, makeChat("m+stall-0"), first);
    await expectTimeout(timeouts, "m", "connect");
    holder.abort();
    expect(upstream.log.length).toBe(1);
  });

  it("connect: a host that never shakes hands", async () => {
    const silent = await openSilentTls();
    await expectTimeout({ ...patient, connectMs: 400 }, "m", "connect", { origin: silent });
  });

  it("an answer that keeps coming outlives its idle time-out", async () => {
    const sink = makeScriptedSink();
    const target = makeTarget(upstream.url, { timeouts: { ...patient, idleMs: 150, firstByteMs: 150 } });
    provider.send(target, makeChat("m+rate-20+tokens-10", { stream: true }), sink);
    const { end, afterMs } = await sink.ended;
    expect(end).toBe("end");
    expect(afterMs).toBeGreaterThan(400);
  });
});

describe("broken connections", () => {
  it.each([
    ["drop-0", ["failure"]],
    ["reset-0", ["failure"]],
    ["drop-200", ["head", "data", "failure"]],
    ["reset-200", ["failure"]],
  ])("%s is a reset", async (directive, calls) => {
    for (const stream of [true, false]) {
      const sink = makeScriptedSink();
      provider.send(makeTarget(upstream.url), makeChat(`m+${directive}`, { stream }), sink);
      expect((await sink.ended).end).toBe("reset");
      // A RST may overtake the bytes before it, so that only what was told last is certain.
      const told = [...new Set(sink.calls)];
      expect(directive.startsWith("reset") ? told.slice(-1) : told).toEqual(calls);
      expect(sink.failure?.message).toContain(`127.0.0.1:${upstream.port}`);
    }
  });

  it("nobody listens: connect", async () => {
    const gone = await openScriptedUpstream();
    await gone.close();
    const sink = makeScriptedSink();
    provider.send(makeTarget(gone.url), makeChat("m"), sink);
    expect((await sink.ended).end).toBe("connect");
    expect(sink.failure?.message).toContain(`127.0.0.1:${gone.port}`);
  });

  it("plain HTTP where TLS was meant: connect", async () => {
    const sink = makeScriptedSink();
    provider.send(makeTarget(upstream.url.replace("http:", "https:")), makeChat("m"), sink);
    expect((await sink.ended).end).toBe("connect");
    expect(upstream.log).toEqual([]);
  });

  it("a cut network ends each running call by itself, and the next call works", async () => {
    const proxy = await openFaultProxy({ host: "127.0.0.1", port: upstream.port });
    const target = makeTarget(`http://127.0.0.1:${proxy.port}`);
    const sinks = [makeScriptedSink(), makeScriptedSink(), makeScriptedSink()];
    const flowing = sinks.map(
      (sink) =>
        new Promise<void>((resolve) => {
          const onData = sink.onData;
          sink.onData = (chunk) => {
            onData(chunk);
            resolve();
          };
        }),
    );
    for (const sink of sinks) provider.send(target, makeChat("m+rate-5", { stream: true }), sink);
    await Promise.all(flowing);
    proxy.cut();
    expect(await Promise.all(sinks.map(async (sink) => (await sink.ended).end))).toEqual(["reset", "reset", "reset"]);
    const next = makeScriptedSink();
    provider.send(target, makeChat("m"), next);
    expect((await next.ended).end).toBe("end");
    await proxy.close();
  });
});

const servers: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(() => {
  for (const { server, sockets } of servers.splice(0)) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

async function openRaw(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function openHeadOnly(): Promise<string> {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  return `http://127.0.0.1:${await openRaw((socket) => socket.once("data", () => socket.write(head)))}`;
}

async function openSilentTls(): Promise<string> {
  return `https://127.0.0.1:${await openRaw((socket) => socket.resume())}`;
}

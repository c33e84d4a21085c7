import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import type { Provider, UpstreamCall } from "../../../server/providers/types.ts";
import { openUpstream } from "../../../server/providers/upstream.ts";
import { makeChat, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink, type ScriptedSink } from "../../support/scripted-sink.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let provider: Provider;

beforeEach(async () => {
  upstream = await openScriptedUpstream();
  provider = openUpstream({ clock: openClock(), connectionsPerOriginMax: 16 });
});
afterEach(async () => {
  await provider.close();
  await upstream.close();
});

/** A small generator of equal numbers for equal seeds (mulberry32). */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const full = process.env.TEST_TIER === "full";
const callCount = full ? 600 : 200;
const faults = [
  "",
  "",
  "",
  "+drop-0",
  "+drop-300",
  "+reset-0",
  "+reset-700",
  "+stall-0",
  "+stall-300",
  "+gzip",
  "+garbage",
];

it.each([1, 2, 3])(
  "600 calls with faults, aborts and pauses end once each and leak nothing (seed %i)",
  async (seed) => {
    const random = makeRandom(seed);
    const target = makeTarget(upstream.url, {
      timeouts: { connectMs: 30_000, firstByteMs: 250, idleMs: 250, totalMs: 30_000 },
    });
    const sinks: ScriptedSink[] = [];
    const aborted = new Set<number>();
    const callsAtAbort = new Map<number, number>();
    let finished = 0;

    await new Promise<void>((resolve) => {
      const next = (): void => {
        const index = sinks.length;
        if (index >= callCount) {
          if (finished >= callCount) resolve();
          return;
        }
        let open = true;
        const done = (): void => {
          if (!open) return;
          open = false;
          finished++;
          // Half of the calls are started from within the end of another.
          if (random(2) === 0) next();
          else setImmediate(next);
        };
        let call: UpstreamCall | null = null;
        const sink = makeScriptedSink({
          onData() {
            if (random(4) !== 0) return;
            call?.pause();
            setTimeout(() => call?.resume(), random(5));
          },
          onEnd: done,
          onFailure: done,
        });
        sinks.push(sink);
        const fault = faults[random(faults.length)] ?? "";
        call = provider.send(target, makeChat(`m${fault}+tokens-${random(60)}`, { stream: random(2) === 0 }), sink);
        if (random(5) !== 0) return;
        setTimeout(() => {
          if (!open) return;
          call?.abort();
          aborted.add(index);
          callsAtAbort.set(index, sink.calls.length);
          done();
        }, random(30));
      };
      for (let i = 0; i < 40; i++) next();
    });

    const endings = sinks.map((sink) => sink.calls.filter((name) => name === "end" || name === "failure").length);
    expect(endings).toEqual(sinks.map((_, index) => (aborted.has(index) ? 0 : 1)));
    for (const [index, count] of callsAtAbort) expect(sinks[index]?.calls.length).toBe(count);
    expect(aborted.size).toBeGreaterThan(callCount / 30);
    const kinds = new Set(sinks.map((sink) => sink.failure?.kind ?? "none"));
    expect([...kinds].sort()).toEqual(["none", "protocol", "reset", "timeout_first_byte", "timeout_idle"]);

    // Only idle connections are left, and every one of them serves. Each call reached the upstream at most once.
    await vi.waitFor(() => expect(upstream.log.filter((call) => call.end === "open")).toEqual([]));
    await vi.waitFor(async () => expect(await upstream.countConnections()).toBeLessThanOrEqual(16));
    expect(upstream.log.length).toBeLessThanOrEqual(callCount);
    const patient = makeTarget(upstream.url, { timeouts: { ...target.timeouts, firstByteMs: 30_000, idleMs: 30_000 } });
    const last = Array.from({ length: 32 }, () => {
      const sink = makeScriptedSink();
      provider.send(patient, makeChat("m"), sink);
      return sink;
    });
    expect(new Set(await Promise.all(last.map(async (sink) => (await sink.ended).end)))).toEqual(new Set(["end"]));
  },
  60_000,
);

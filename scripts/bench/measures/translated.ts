import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProviderType } from "../../../server/core/provider-type.ts";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import type { ProviderTarget } from "../../../server/providers/types.ts";
import { makeRecorded, type RecordedAnswer, type RecordedWire } from "../../../test/support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../../test/support/scripted-request.ts";
import { makeScriptedSink } from "../../../test/support/scripted-sink.ts";
import { median } from "../statistics.ts";
import type { Measure } from "./measure.ts";

const subjects: readonly [name: string, type: ProviderType, wire: RecordedWire, model: string][] = [
  ["pass-through", "openai_compatible", "openai", "m"],
  ["anthropic", "anthropic", "anthropic", "claude-sonnet-4-5"],
  ["aws_bedrock", "aws_bedrock", "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
  ["gemini", "google_ai_studio_gemini", "gemini", "gemini-2.5-flash"],
];
const eventsPerStream = 400;
const inFlight = 8;
const aws = {
  region: "us-east-1",
  accessKeyId: new Secret("AKIAEXAMPLEEXAMPLE00"),
  secretAccessKey: new Secret("secret-0123456789-0123456789-0123456789"),
  sessionToken: null,
};

/** The first piece of text in each wire's stream: it is repeated. */
const pieces: Readonly<Partial<Record<RecordedWire, RegExp>>> = {
  openai: /data: [^\n]*"content":"Gr[^\n]*\n\n/,
  anthropic: /event: content_block_delta\ndata: [^\n]*"text":"Gr[^\n]*\n\n/,
  gemini: /data: [^\n]*"text":"Gr[^\n]*\n\n/,
};

/** A recorded stream with its first piece of text many times. */
function makeLong(wire: RecordedWire): RecordedAnswer {
  const { contentType, body } = makeRecorded(wire, "text", true);
  const found = wire === "bedrock" ? findFrame(body) : findText(body, pieces[wire] ?? /$^/);
  const many = Array.from({ length: eventsPerStream }, () => body.subarray(found.from, found.to));
  return { contentType, body: Buffer.concat([body.subarray(0, found.from), ...many, body.subarray(found.to)]) };
}

function findText(body: Buffer, pattern: RegExp): { from: number; to: number } {
  const text = body.toString("latin1");
  const match = pattern.exec(text);
  if (match === null) throw new Error("the recorded stream has no piece of text");
  return { from: match.index, to: match.index + match[0].length };
}

/** Of Converse's messages the second is the first piece of text. */
function findFrame(body: Buffer): { from: number; to: number } {
  const from = body.readUInt32BE(0);
  return { from, to: from + body.readUInt32BE(from) };
}

async function play(providers: Providers, target: ProviderTarget, stream: boolean, calls: number): Promise<number> {
  const request = makeRequest({ model: "m", messages: [{ role: "user", content: "hello" }], stream });
  let left = calls;
  const before = process.cpuUsage();
  const run = async (): Promise<void> => {
    while (left-- > 0) {
      const sink = makeScriptedSink();
      providers.get(target.type).send(target, request, sink);
      const { end } = await sink.ended;
      if (end !== "end" || sink.status !== 200) throw new Error(`${target.type}: ${end} ${sink.status}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, run));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

/**
 * What translation costs beside pass-through: CPU of this process, in which the provider's stand-in runs too. It does the same
 * for both, so that the difference is the translation's.
 */
export const translated: Measure = {
  name: "translated",
  title: "added CPU of translated providers",
  run: async (bench) => {
    const answers = new Map(
      subjects.map(([name, , wire]) => [name, { whole: makeRecorded(wire, "text", false), long: makeLong(wire) }]),
    );
    let current = answers.get("pass-through");
    let streaming = false;
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        const answer = streaming ? current?.long : current?.whole;
        response.writeHead(200, { "content-type": answer?.contentType ?? "" }).end(answer?.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const providers = openProviders({ clock: openClock() });
    const calls = bench.options.quick ? 100 : 1_000;
    const costs: Record<string, { request: number[]; event: number[] }> = {};
    try {
      // The first round warms up.
      for (let round = 0; round <= bench.options.rounds; round += 1) {
        for (const [name, type, , upstreamModel] of subjects) {
          current = answers.get(name);
          const target = makeTarget(url, { type, upstreamModel, aws: type === "aws_bedrock" ? aws : null });
          streaming = false;
          const request = await play(providers, target, false, calls);
          streaming = true;
          const event = (await play(providers, target, true, Math.ceil(calls / 10))) / eventsPerStream;
          if (round === 0) continue;
          const cost = (costs[name] ??= { request: [], event: [] });
          cost.request.push(request);
          cost.event.push(event);
        }
      }
    } finally {
      await providers.close();
      server.closeAllConnections();
      server.close();
    }
    const base = costs["pass-through"] ?? { request: [0], event: [0] };
    const info = Object.entries(costs).flatMap(([name, { request, event }]) =>
      name === "pass-through"
        ? []
        : [
            {
              what: `added CPU per request: ${name}`,
              unit: "us",
              values: request.map((value, at) => value - (base.request[at] ?? 0)),
            },
            {
              what: `added CPU per event: ${name}`,
              unit: "us",
              values: event.map((value, at) => value - (base.event[at] ?? 0)),
            },
          ],
    );
    for (const { what, values } of info) bench.print(`  ${what}: ${median([...values]).toFixed(1)} us`);
    const notes = [
      `translated: ${calls} answers, and ${Math.ceil(calls / 10)} streams of ${eventsPerStream} events in one write, ${inFlight} at a time, in each round`,
    ];
    return { bars: {}, info, notes, setups: {}, raw: costs };
  },
};

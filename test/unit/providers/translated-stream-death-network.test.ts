import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import type { ProviderTarget } from "../../../server/providers/types.ts";
import { type ByteReply, type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { makeRecorded, type RecordedScenario, type RecordedWire } from "../../support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

let upstream: ByteUpstream;
let providers: Providers;
let reply: ByteReply;

beforeAll(async () => {
  upstream = await openByteUpstream(() => reply);
  providers = openProviders({ clock: openClock() });
});
afterAll(async () => {
  await providers.close();
  await upstream.close();
});

const keys = {
  region: "eu-central-1",
  accessKeyId: new Secret("AKIAEXAMPLEEXAMPLE00"),
  secretAccessKey: new Secret("a-secret-that-nobody-checks-here-0123456"),
  sessionToken: null,
};

const subjects: readonly [RecordedWire, Partial<ProviderTarget>][] = [
  ["anthropic", { type: "anthropic", upstreamModel: "claude-sonnet-4-5" }],
  ["bedrock", { type: "aws_bedrock", upstreamModel: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", aws: keys }],
  ["gemini", { type: "google_ai_studio_gemini", upstreamModel: "gemini-2.5-flash" }],
];

async function play(target: Partial<ProviderTarget>): Promise<{ end: string; text: string }> {
  const sink = makeScriptedSink();
  const request = makeRequest({ model: "m", messages: [{ role: "user", content: "hello" }], stream: true });
  providers.get(target.type ?? "anthropic").send(makeTarget(upstream.url, { basePath: "", ...target }), request, sink);
  const { end } = await sink.ended;
  return { end, text: sink.text() };
}

function answerWith(wire: RecordedWire, scenario: RecordedScenario, offset: number, end: "drop" | "end"): void {
  const { contentType, body } = makeRecorded(wire, scenario, true);
  reply = { headers: { "content-type": contentType }, pieces: [body.subarray(0, offset)], end };
}

/** The texts of all pieces: ids and times may differ from run to run. */
function readDeltas(text: string): string {
  return [...text.matchAll(/"delta":(\{.*?\}),"logprobs"/g)].map(([, delta]) => delta).join("");
}

/** Cuts the stream at the offset in both ways; what is wrong with what came out, or `null`. */
async function findCutFault(
  wire: RecordedWire,
  target: Partial<ProviderTarget>,
  scenario: RecordedScenario,
  offset: number,
  whole: string,
): Promise<string | null> {
  const { length } = makeRecorded(wire, scenario, true).body;
  // A connection that breaks, and one that ends as if all had been said.
  for (const end of ["drop", "end"] as const) {
    answerWith(wire, scenario, offset, end);
    const cut = await play(target);
    const at = `${scenario}, ${end} at ${offset} of ${length}:`;
    const deltas = readDeltas(cut.text);
    // Of the last event the line ends alone may be missing: then nothing of the answer is.
    if (cut.end === "end" && length - offset <= 2 && deltas === whole) continue;
    if (cut.end === "end" || cut.text.includes("[DONE]")) return `${at} looks whole`;
    if (!whole.startsWith(deltas)) return `${at} says something else`;
  }
  return null;
}

/** All offsets take two minutes. */
const stride = process.env.TEST_TIER === "full" ? 1 : 61;

describe.each(subjects)("a stream of %s that breaks off", (wire, target) => {
  test.each(["text", "tools", "reasoning"] as const)(
    "%s: never looks whole, and says no more than came",
    async (scenario) => {
      const { length } = makeRecorded(wire, scenario, true).body;
      answerWith(wire, scenario, length, "end");
      const whole = await play(target);
      expect(whole.end).toBe("end");
      expect(whole.text.endsWith("data: [DONE]\n\n")).toBe(true);
      const faults: (string | null)[] = [];
      for (let offset = 0; offset < length; offset++) {
        if (offset % stride !== 0 && offset < length - 4) continue;
        faults.push(await findCutFault(wire, target, scenario, offset, readDeltas(whole.text)));
      }
      expect(faults.length).toBeGreaterThan(8);
      expect(faults.filter((fault) => fault !== null)).toEqual([]);
    },
  );

  test("cut into single bytes, it says the same", async () => {
    const { contentType, body } = makeRecorded(wire, "text", true);
    answerWith(wire, "text", body.length, "end");
    const whole = await play(target);
    reply = { headers: { "content-type": contentType }, pieces: [...body].map((byte) => Buffer.from([byte])) };
    const cut = await play(target);
    expect(cut.end).toBe("end");
    expect(readDeltas(cut.text)).toBe(readDeltas(whole.text));
    expect(cut.text).not.toContain("\uFFFD");
  });
});

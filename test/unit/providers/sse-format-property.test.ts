import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { formatSseError, formatSseEvent } from "../../../server/providers/sse-format.ts";
import { anyCharacter } from "../../support/any-character.ts";

/** A parser of its own: line by line over the decoded text, as the specification tells it. */
function parseAll(text: string): { event: string | null; data: string }[] {
  const events: { event: string | null; data: string }[] = [];
  let event: string | null = null;
  let data: string[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop();
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push({ event, data: data.join("\n") });
      event = null;
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value === "" ? null : value;
    if (name === "data") data.push(value);
  }
  return events;
}

/** Lone surrogates as UTF-8 writes them. */
function makeWellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\uFFFD");
}

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\r", "\n", "\r\n", "\u2028", "\u2029", "\u0085", "\u000b", "\0", " ", ":", "\uFEFF", "\ud800"),
    fc.constantFrom("data: x\n\n", "\n\nevent: done\ndata: [DONE]\n\n", "id: 1\r", "retry: 0\n"),
    fc.string({ unit: anyCharacter, maxLength: 3 }),
  ),
  maxLength: 8,
});
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let cases = 0;

describe("what is written is what is read", () => {
  afterAll(() => console.info(`event format: ${cases} events, seed ${seed}`));

  it("100,000 events with hostile names and data, in streams", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.option(hostile), hostile), { minLength: 8, maxLength: 24 }), (intended) => {
        cases += intended.length;
        const text = Buffer.concat(intended.map(([event, data]) => formatSseEvent(event, data))).toString();
        const wanted = intended.map(([event, data]) => ({
          event: event === null || event === "" ? null : makeWellFormed(event).replace(/[\r\n]+/g, " "),
          data: makeWellFormed(data).replace(/\r\n|\r/g, "\n"),
        }));
        expect(parseAll(text)).toEqual(wanted);
      }),
      { seed, numRuns: 9_000 },
    );
    expect(cases).toBeGreaterThan(100_000);
  });

  it("errors: one event of one line, whatever the texts hold", () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.record({ message: hostile, type: hostile, param: fc.option(hostile), code: hostile }), (error) => {
        runs++;
        const text = formatSseError({ error }).toString();
        expect(text).toMatch(/^data: [^\r\n\u0085\u2028\u2029]*\n\n$/);
        const events = parseAll(text);
        expect(events.length).toBe(1);
        expect(events[0]?.event).toBeNull();
        expect(JSON.parse(events[0]?.data ?? "")).toEqual({ error });
      }),
      { seed, numRuns: 5_000 },
    );
    expect(runs).toBe(5_000);
  });

  it("the check catches a writer that lets a line end through", () => {
    const wrong = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;
    expect(parseAll(wrong("a", "b\n\ndata: c"))).not.toEqual([{ event: "a", data: "b\n\ndata: c" }]);
    expect(parseAll(wrong("a\rdata: x", "b"))).not.toEqual([{ event: "a data: x", data: "b" }]);
  });
});

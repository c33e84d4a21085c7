import { describe, expect, it } from "vitest";
import { parseSseEvent } from "../../../server/providers/sse-parse.ts";

function parse(text: string): { event: string | null; data: string | null } {
  const { event, data } = parseSseEvent(Buffer.from(text));
  return { event, data: data === null ? null : data.toString() };
}

describe("parseSseEvent", () => {
  it.each([
    ["one line", "data: a\n\n", null, "a"],
    ["no space", "data:a\n\n", null, "a"],
    ["one of two spaces", "data:  a\n\n", null, " a"],
    ["a tab stays", "data:\ta\n\n", null, "\ta"],
    ["no value", "data:\n\n", null, ""],
    ["no colon", "data\n\n", null, ""],
    ["no blank line", "data: a", null, "a"],
    ["no colon, no line end", "data", null, ""],
    ["only a colon, no line end", "data:", null, ""],
    ["many lines", "data: a\ndata\ndata:b\n\n", null, "a\n\nb"],
    ["CRLF", "event: x\r\ndata: a\r\ndata: b\r\n\r\n", "x", "a\nb"],
    ["CR", "event: x\rdata: a\rdata: b\r\r", "x", "a\nb"],
    ["mixed", "data: a\r\ndata: b\rdata: c\ndata: d\n\r", null, "a\nb\nc\nd"],
    ["the last event name", "event: x\nevent: y\n\n", "y", null],
    ["an empty event name", "event: x\nevent\ndata: a\n\n", null, "a"],
    ["comments and other fields", ": data: x\nid: 1\nretry: 2\ndat: x\ndatas: x\n data: x\n\n", null, null],
    ["only a blank line", "\n", null, null],
    ["nothing", "", null, null],
  ])("%s", (_, text, event, data) => {
    expect(parse(text)).toEqual({ event, data });
  });

  it("returns one line as a slice", () => {
    const bytes = Buffer.from("data: abc\n\n");
    const { data } = parseSseEvent(bytes);
    bytes[6] = 0x7a;
    expect(String(data)).toBe("zbc");
  });

  it.each(["data:\n", "data:\r"])("takes linear time for 170,000 lines of %j", (line) => {
    const bytes = Buffer.concat([Buffer.alloc(1_020_000, line), Buffer.from(line === "data:\n" ? "\r" : "\n")]);
    const start = performance.now();
    expect(parseSseEvent(bytes).data?.length).toBe(169_999);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

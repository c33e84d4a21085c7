import { describe, expect, it } from "vitest";
import { findNextEventEnd } from "../../../server/providers/sse-boundary.ts";
import { SseEvents } from "../../../server/providers/sse-events.ts";

function push(events: SseEvents, text: string): string {
  return String(events.push(Buffer.from(text)));
}

describe("SseEvents", () => {
  it("returns a chunk of whole events as it is, not copied", () => {
    const chunk = Buffer.from("data: a\n\ndata: b\r\n\r\n");
    expect(new SseEvents().push(chunk)).toBe(chunk);
  });

  it("keeps what is not whole, and gives it back at the end", () => {
    const events = new SseEvents();
    expect(push(events, "data: a\n\nda")).toBe("data: a\n\n");
    expect(push(events, "ta: b\n")).toBe("");
    expect(String(events.end())).toBe("data: b\n");
    expect(push(events, "\ndata")).toBe("data: b\n\n");
    expect(String(events.end())).toBe("data");
  });

  it("ends with null where nothing is left", () => {
    const events = new SseEvents();
    push(events, "data: a\n\n");
    expect(events.end()).toBeNull();
  });

  it("does not wait for the LF of the last CRLF, and says that it may come", () => {
    const events = new SseEvents();
    expect(push(events, "data: a\r\n\r")).toBe("data: a\r\n\r");
    expect(events.endedByCr).toBe(true);
    expect(push(events, "\n")).toBe("\n");
    expect(events.endedByCr).toBe(false);
    expect(push(events, "data: b\r\r")).toBe("data: b\r\r");
    expect(push(events, "data: c\n\n")).toBe("data: c\n\n");
  });

  it("does not keep the caller's memory", () => {
    const events = new SseEvents();
    const chunk = Buffer.from("data: a");
    events.push(chunk);
    chunk.fill("x");
    expect(push(events, "\n\n")).toBe("data: a\n\n");
  });

  it("takes an event of exactly the limit, whole or in pieces", () => {
    for (const cut of [0, 1, 8, 9, 10, 11, 12, 16]) {
      const events = new SseEvents({ eventBytesMax: 10 });
      const text = "data: 12\n\ndata: 34\n\n";
      expect(push(events, text.slice(0, cut)) + push(events, text.slice(cut)), `cut at ${cut}`).toBe(text);
    }
  });

  it.each([
    ["finished", "data: 123\n\n"],
    ["unfinished", "data: 12345"],
  ])("refuses a longer event, %s, at any cut, after the events before it", (_, long) => {
    const text = `data: 12\n\n${long}`;
    for (let cut = 0; cut <= text.length; cut++) {
      const events = new SseEvents({ eventBytesMax: 10 });
      const results = [push(events, text.slice(0, cut)), push(events, text.slice(cut)), push(events, "x")];
      expect(results.join("").replaceAll("sse_overflow", ""), `cut at ${cut}`).toBe("data: 12\n\n");
      expect(results[2]).toBe("sse_overflow");
      expect(events.end()).toBe("sse_overflow");
    }
  });

  it("takes 1 MiB unless told otherwise, one byte more not, and stays linear in tiny chunks", () => {
    const event = Buffer.concat([Buffer.alloc(1_048_574, "a"), Buffer.from("\n\n")]);
    const events = new SseEvents();
    let bytes = 0;
    for (let at = 0; at < event.length; at += 16) bytes += events.push(event.subarray(at, at + 16)).length;
    expect(bytes).toBe(event.length);
    expect(events.push(Buffer.concat([Buffer.from("b"), event]))).toBe("sse_overflow");
  });
});

describe("findNextEventEnd", () => {
  it("tells the events of a piece apart", () => {
    const bytes = Buffer.from("a\n\nb\r\rc\r\n\r\n\n\rd");
    const ends: number[] = [];
    for (let end = 0; (end = findNextEventEnd(bytes, end, 0x0a)) >= 0; ) ends.push(end);
    expect(ends).toEqual([3, 6, 11, 12, 13]);
  });
});

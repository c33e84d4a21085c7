import { type AddressInfo, createServer } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import { openUpstream } from "../../../server/providers/upstream.ts";
import { makeChat, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

const provider = openUpstream({ clock: openClock() });
afterAll(() => provider.close());

const ok = "HTTP/1.1 200 OK\r\n";
const manyHeaders = Array.from({ length: 200 }, (_, i) => `x-h${i}: 1\r\n`).join("");
const chunked = "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";

/** What an upstream sends before it closes, and what a sink is told. */
const cases: readonly [name: string, bytes: string, end: string, calls: string][] = [
  ["an answer up to the end of the connection", `${ok}connection: close\r\n\r\nabc`, "end", "head,data,end"],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", "end", "head,data,end"],
  ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "end", "head,end"],
  [
    "early hints first",
    `HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n${ok}content-length: 3\r\n\r\nabc`,
    "end",
    "head,data,end",
  ],
  [
    "a second answer on top",
    `${ok}content-length: 3\r\n\r\nabc${ok}content-length: 3\r\n\r\nxyz`,
    "end",
    "head,data,end",
  ],
  [
    "identity as an encoding",
    `${ok}content-encoding: Identity\r\ncontent-length: 3\r\n\r\nabc`,
    "end",
    "head,data,end",
  ],
  [
    "a chunked answer that breaks off",
    `${ok}transfer-encoding: chunked\r\n\r\n10\r\nabc`,
    "reset",
    "head,data,failure",
  ],
  [
    "the same after connection: close",
    `${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\n10\r\nabc`,
    "reset",
    "head,data,failure",
  ],
  [
    "a body shorter than its length",
    `${ok}connection: close\r\ncontent-length: 9\r\n\r\nabc`,
    "reset",
    "head,data,failure",
  ],
  ["100 Continue", `HTTP/1.1 100 Continue\r\n\r\n${ok}content-length: 3\r\n\r\nabc`, "protocol", "failure"],
  [
    "a change of protocol",
    "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "protocol",
    "failure",
  ],
  ["a length and chunks", `${ok}content-length: 3\r\n${chunked}0\r\n\r\n`, "protocol", "failure"],
  ["two lengths", `${ok}content-length: 3\r\ncontent-length: 4\r\n\r\nabc`, "protocol", "failure"],
  ["a broken chunk", `${ok}transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n`, "protocol", "head,failure"],
  [
    "a transfer-encoding beside chunked",
    `${ok}transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    "protocol",
    "failure",
  ],
  [
    "two encodings",
    `${ok}content-encoding: gzip\r\ncontent-encoding: br\r\ncontent-length: 3\r\n\r\nabc`,
    "protocol",
    "failure",
  ],
  ["200 headers", `${ok}${manyHeaders}content-length: 3\r\n\r\nabc`, "protocol", "failure"],
  ["a length above the limit", `${ok}content-length: 99999999999\r\n\r\nabc`, "protocol", "failure"],
];

describe("an upstream that sends", () => {
  it.each(cases)("%s", async (_name, bytes, end, calls) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const sink = makeScriptedSink();
    provider.send(makeTarget(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), makeChat("m"), sink);
    expect((await sink.ended).end).toBe(end);
    expect(sink.calls.join()).toBe(calls);
    expect(sink.text()).toBe(calls.includes("data") ? "abc" : "");
    server.close();
  });
});

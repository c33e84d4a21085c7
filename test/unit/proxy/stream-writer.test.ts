import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { AnswerBurst } from "../../../server/proxy/answer-burst.ts";
import type { ClientConnection } from "../../../server/proxy/client-connection.ts";
import { StreamWriter } from "../../../server/proxy/stream-writer.ts";

/** A client that takes nothing, and a provider that is told when to wait. */
function openWriter() {
  const calls: string[] = [];
  const writes: number[] = [];
  const response = Object.assign(
    new Writable({
      highWaterMark: 16 * 1024,
      write(chunk: Buffer) {
        writes.push(chunk.length);
      },
    }),
    { flushHeaders: () => calls.push("head") },
  );
  const client = { left: false, response } as unknown as ClientConnection;
  const pace = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  return { writer: new StreamWriter(new AnswerBurst(), client, pace), calls, response, writes };
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe("StreamWriter", () => {
  it("lets what is small wait for the end of the turn", async () => {
    const { writer, response } = openWriter();
    writer.write(Buffer.alloc(100));
    writer.write(Buffer.alloc(100));
    expect(response.writableLength).toBe(0);
    await endOfTurn();
    expect(response.writableLength).toBe(200);
  });

  it("sends a head that nothing follows at the end of the turn", async () => {
    const { calls } = openWriter();
    expect(calls).toEqual([]);
    await endOfTurn();
    expect(calls).toEqual(["head"]);
  });

  it("makes a fast provider wait within the very turn", () => {
    const { writer, calls, response } = openWriter();
    let given = 0;
    // As libuv does: up to 32 reads of 64 KB in one turn, unless it is told to stop.
    while (given < 32 && !calls.includes("pause")) {
      writer.write(Buffer.alloc(64 * 1024));
      given++;
    }
    expect(given).toBe(1);
    expect(response.writableLength).toBe(64 * 1024);
  });
});

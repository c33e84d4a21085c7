import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush } from "../../support/event-of.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ config: fastFlush });
});
afterAll(() => gateway.close());

/** Puts another file under the number of the journal's. @returns how to take that back. */
function fillDisk(): () => void {
  const find = (path: string) => readdirSync("/proc/self/fd").find((fd) => readTarget(fd).includes(path));
  const fd = Number(find(gateway.dataDir));
  const journal = readTarget(String(fd));
  // The lowest number that is free is taken: that of the file that was just closed.
  const swap = (path: string): void => {
    closeSync(fd);
    expect(openSync(path, "a")).toBe(fd);
  };
  swap("/dev/full");
  return () => swap(journal);
}

function readTarget(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

describe("a call that the journal does not take", () => {
  it("is refused before the provider is called, and gives back what it held of its budgets", async () => {
    const { text, publicId } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 20_000_000n, period: "day" }] });
    const body = { model: "echo::a", messages: [{ role: "user", content: "hi" }], max_tokens: 100 };
    expect((await gateway.call("/v1/chat/completions", body, text)).status).toBe(200);
    await gateway.listEvents(1);
    const heal = fillDisk();
    try {
      for (let times = 0; times < 30; times++) {
        const response = await gateway.call("/v1/chat/completions", body, text);
        expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "store_unavailable" } }]);
      }
    } finally {
      heal();
    }
    await waitUntil(() => !gateway.context.proxy.budgets.isHolding, "nothing is held", 1_000);
    expect((await gateway.call("/v1/chat/completions", body, text)).status).toBe(200);
    expect((await gateway.listEvents(2)).map((event) => event.public_id)).toEqual([publicId, publicId]);
  });
});

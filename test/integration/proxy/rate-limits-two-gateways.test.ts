import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findRedisLane, openRedisServer } from "../../support/redis-server.ts";
import { openTestDatabase } from "../../support/test-database.ts";
import { openTestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const lanes = findRedisLane() ? ["Redis"] : [];
const chat = { model: "echo::demo", messages: [{ role: "user", content: "Hi." }] };
const path = "/v1/chat/completions";

describe.each(lanes)("two gateways over one %s", () => {
  it("share the limits of a key, on streams too, and go on after everything in Redis was lost", async () => {
    const redis = await openRedisServer();
    const database = await openTestDatabase();
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "tollgate-two-")));
    const [firstDir = "", secondDir = ""] = folders;
    const first = await openTestGateway({ database, redisUrl: redis.url, dataDir: firstDir });
    // The same peppers: a key of one is a key of the other.
    copyFileSync(join(firstDir, "secrets.json"), join(secondDir, "secrets.json"));
    const second = await openTestGateway({ database, redisUrl: redis.url, dataDir: secondDir });
    const gateways = [first, second];
    try {
      const { text } = await first.makeKey({ rateLimits: { requests_per_hour: 10 } });
      const answers = await Promise.all(
        Array.from({ length: 14 }, (_, index) =>
          (gateways[index % 2] ?? first).call(path, { ...chat, stream: index % 4 === 0 }, text),
        ),
      );
      const served = answers.filter(({ status }) => status === 200);
      expect(served).toHaveLength(10);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
      const left = served.map(({ headers }) => Number(headers.get("x-ratelimit-remaining-requests")));
      expect(left.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await Promise.all(answers.map((answer) => answer.text()));

      await first.listEvents(10);
      await redis.kill();
      await redis.start();
      await waitUntil(async () => {
        const { status, headers } = await second.call(path, chat, text);
        // Nothing is let through, with Redis or without; and it is a limit that refuses, not a fault.
        expect(status).toBe(429);
        expect(Number(headers.get("retry-after"))).toBeGreaterThan(3_000);
        return second.logLines.filter((line) => line.includes("the rate limits are in Redis")).length > 1;
      }, "Redis is used again");
      expect((await second.call(path, chat, text)).status).toBe(429);
    } finally {
      for (const gateway of gateways) await gateway.close();
      await database.close();
      await redis.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    }
  });
});
